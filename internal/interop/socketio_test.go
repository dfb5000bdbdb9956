package interop

import (
	"fmt"
	"slices"
	"testing"
"time"
)

// socketioServers are three of them in front of which a gateway stands, by name.
type socketioServers map[string]*node

func startSocketIO(t testing.TB) (servers socketioServers, upstream []string) {
	t.Helper()
	servers = socketioServers{}
	for _, name := range []string{"a", "b", "c"} {
		servers[name] = startNode(t, "socketio-server.mjs", name)
	}
	for _, s := range servers {
		var port int
		s.call(t, &port, "listen", nil)
		upstream = append(upstream, "--upstream", fmt.Sprintf("ws://127.0.0.1:%d", port))
	}
	return servers, upstream
}

// socketioClient is what socketio-client.mjs tells of a client.
type socketioClient struct {
	Server, ID, Transport string
}

// socketioTransports are the ways in which a client may be told to connect; nil: polling, then WebSocket.
var socketioTransports = [][]string{nil, {"polling"}, {"websocket"}}

// TestSocketIO puts one gateway in front of three servers that know nothing of each other, as an application does that
// had one server before. All requests of a session must come to one server, polls and WebSocket alike.
func TestSocketIO(t *testing.T) {
	for _, way := range []struct {
		name     string
		flags    []string
		cookies  bool
		comeback bool // a client that reconnects finds its server again
	}{
		// The library for Node forgets its cookies when it reconnects; a browser does not.
		{"cookie", []string{"--hash-on", "random", "--sticky-cookie", "seat"}, true, false},
		// Requests in the air are load, and a client that comes and goes with it would lose its session.
		{"address", []string{"--hash-on", "client-ip", "--balance-factor", "0"}, false, true},
	} {
		t.Run(way.name, func(t *testing.T) {
			servers, upstream := startSocketIO(t)
			p := startBinary(t, 0, append(upstream, way.flags...)...)
			app := startNode(t, "socketio-client.mjs")
			var list []args
			for i, transports := range socketioTransports {
				for j := range 4 {
					list = append(list, args{"url": "http://" + p.Addr, "transports": transports, "cookies": way.cookies,
						"source": fmt.Sprintf("127.0.%d.%d", i+1, j+1)})
				}
			}
			var opened, kept, back, left []socketioClient
			t.Log(time.Now()); app.call(t, &opened, "open", args{"clients": list})
			checkTransports(t, opened)
			t.Log(time.Now()); app.call(t, nil, "exchange", nil)
			t.Log(time.Now()); app.call(t, nil, "staff", nil)
			playRooms(t, app, opened)
			t.Log(time.Now()); app.call(t, &kept, "exchange", nil)
			if !slices.Equal(kept, opened) {
				t.Errorf("sessions did not stay:\n%v\n%v", opened, kept)
			}

			t.Log(time.Now()); app.call(t, &back, "reconnect", nil)
			checkTransports(t, back)
			t.Log(time.Now()); app.call(t, nil, "exchange", nil)
			for i := range back {
				if way.comeback && back[i].Server != opened[i].Server {
					t.Errorf("client %d was at %s and came back to %s", i, opened[i].Server, back[i].Server)
				}
			}

			victim := back[0].Server
			servers[victim].kill(t)
			t.Log(time.Now()); app.call(t, &left, "leave", args{"server": victim})
			checkTransports(t, left)
			t.Log(time.Now()); app.call(t, nil, "exchange", nil)
			for i := range left {
				if back[i].Server != victim && left[i] != back[i] {
					t.Errorf("the end of %s moved %v to %v", victim, back[i], left[i])
				}
			}
			t.Log("T", time.Now()); p.terminate(t)
		})
	}
}

// checkTransports also checks that the clients are not all at one server, which would prove nothing.
func checkTransports(t testing.TB, clients []socketioClient) {
	t.Helper()
	servers := map[string]bool{}
	for i, c := range clients {
		want := "websocket"
		if transports := socketioTransports[i*len(socketioTransports)/len(clients)]; transports != nil {
			want = transports[0]
		}
		if c.Transport != want {
			t.Errorf("client %d is connected over %q, want %q", i, c.Transport, want)
		}
		servers[c.Server] = true
	}
	if len(servers) < 2 {
		t.Errorf("all clients are at %v", servers)
	}
}

// playRooms: without an adapter between the servers a room is one server's.
func playRooms(t testing.TB, app *node, clients []socketioClient) {
	t.Helper()
	var heard [][]string
	app.call(t, &heard, "rooms", nil)
	for i, c := range clients {
		if want := []string{"hello from " + c.Server}; !slices.Equal(heard[i], want) {
			t.Errorf("client %d at %s heard %q in the room, want %q", i, c.Server, heard[i], want)
		}
	}
}

// TestSocketIOWithoutStickiness shows that the other tests could fail: polls that go anywhere reach no session.
func TestSocketIOWithoutStickiness(t *testing.T) {
	_, upstream := startSocketIO(t)
	p := startBinary(t, 0, append(upstream, "--hash-on", "random")...)
	app := startNode(t, "socketio-client.mjs")
	var list []args
	for range 8 {
		list = append(list, args{"url": "http://" + p.Addr, "transports": []string{"polling"}})
	}
	var succeeded int
	app.call(t, &succeeded, "attempt", args{"clients": list})
	if succeeded == len(list) {
		t.Errorf("all %d clients have got through, so the gateway is sticky unasked", succeeded)
	}
}
