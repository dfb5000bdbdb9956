package interop

import (
	"fmt"
	"slices"
	"testing"
)

// socketioServers are by name.
type socketioServers map[string]*node

// startSocketIO starts three servers. The flags tell the gateway of them.
func startSocketIO(t testing.TB) (servers socketioServers, flags []string) {
	t.Helper()
	servers = socketioServers{}
	for _, name := range []string{"a", "b", "c"} {
		servers[name] = startNode(t, "socketio-server.mjs", name)
	}
	for _, s := range servers {
		var port int
		s.call(t, &port, "listen", nil)
		flags = append(flags, "--upstream", fmt.Sprintf("ws://127.0.0.1:%d", port))
	}
	return servers, flags
}

// socketioClient is what socketio-client.mjs tells of a client.
type socketioClient struct {
	Server, ID, Transport string
}

// socketioTransports are the ways in which a client may be told to connect; nil: polling, then WebSocket.
var socketioTransports = [][]string{nil, {"polling"}, {"websocket"}}

// socketioWay is a way in which all requests of a session come to one server, polls and WebSocket alike.
type socketioWay struct {
	name     string
	flags    []string
	cookies  bool // the clients keep them
	comeback bool // a client that reconnects finds its server again
}

// TestSocketIO puts one gateway in front of three servers that know nothing of each other.
func TestSocketIO(t *testing.T) {
	for _, way := range []socketioWay{
		// The library for Node forgets its cookies when it reconnects; a browser does not.
		{"cookie", []string{"--hash-on", "random", "--sticky-cookie", "seat"}, true, false},
		// Requests under way are load, and a client that moved because of it would lose its session.
		{"address", []string{"--hash-on", "client-ip", "--balance-factor", "0"}, false, true},
	} {
		t.Run(way.name, way.play)
	}
}

func (w socketioWay) play(t *testing.T) {
	servers, flags := startSocketIO(t)
	p := startBinary(t, 0, slices.Concat(flags, w.flags, []string{"--drain-timeout", "500ms"})...)
	app := startNode(t, "socketio-client.mjs")
	var list []args
	for i, transports := range socketioTransports {
		for j := range 4 {
			list = append(list, args{"url": "http://" + p.Addr, "transports": transports, "cookies": w.cookies,
				"source": fmt.Sprintf("127.0.%d.%d", i+1, j+1)})
		}
	}
	var opened, kept, back, left []socketioClient
	app.call(t, &opened, "open", args{"clients": list})
	checkTransports(t, opened)
	if !slices.ContainsFunc(opened, func(c socketioClient) bool { return c.Server != opened[0].Server }) {
		t.Errorf("all clients are at %s, which proves nothing", opened[0].Server)
	}
	playRooms(t, app, opened)
	app.call(t, nil, "staff", nil)
	if app.call(t, &kept, "exchange", nil); !slices.Equal(kept, opened) {
		t.Errorf("sessions did not stay:\n%v\n%v", opened, kept)
	}

	app.call(t, &back, "reconnect", nil)
	checkTransports(t, back)
	app.call(t, nil, "exchange", nil)
	for i := range back {
		if w.comeback && back[i].Server != opened[i].Server {
			t.Errorf("%v came back as %v", opened[i], back[i])
		}
	}

	victim := back[0].Server
	servers[victim].kill(t)
	app.call(t, &left, "leave", args{"server": victim})
	checkTransports(t, left)
	app.call(t, nil, "exchange", nil)
	for i := range left {
		if back[i].Server != victim && left[i] != back[i] {
			t.Errorf("the end of %s moved %v to %v", victim, back[i], left[i])
		}
	}
	p.terminate(t)
}

func checkTransports(t testing.TB, clients []socketioClient) {
	t.Helper()
	for i, c := range clients {
		want := "websocket"
		if transports := socketioTransports[i*len(socketioTransports)/len(clients)]; transports != nil {
			want = transports[0]
		}
		if c.Transport != want {
			t.Errorf("client %d is connected over %q, want %q", i, c.Transport, want)
		}
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
	_, flags := startSocketIO(t)
	p := startBinary(t, 0, append(flags, "--hash-on", "random")...)
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
