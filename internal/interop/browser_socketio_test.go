package interop

import (
	"encoding/json"
	"net"
	"slices"
	"testing"

	"weir/internal/freeport"
)

// TestBrowserSocketIO is TestSocketIO as users have it: pages over HTTPS, so that polls are HTTP/2 and WebSockets are
// HTTP/1.1, from a browser that keeps its cookie when it reconnects, and when the server that it names has ended.
func TestBrowserSocketIO(t *testing.T) {
	servers, flags := startSocketIO(t)
	c := newCertificate(t, "chat")
	files := c.install(t, t.TempDir())
	addr := freeport.Addr(t)
	startBinary(t, 0, append(flags, "--tls-listen", addr, "--tls-cert", files.cert, "--tls-key", files.key,
		"--hash-on", "random", "--sticky-cookie", "seat")...)
	b := startBrowser(t, c)
	pages, before := make([]*page, 2), make([]socketioClient, 2)
	for i, transports := range socketioTransports[:2] {
		p := b.open(t, addr, "chat")
		pages[i] = p
		list, _ := json.Marshal(transports)
		p.evaluate(t, &before[i], "join(%s)", list)
		p.evaluate(t, nil, "exchange()")
		var protocols []string
		if p.evaluate(t, &protocols, "polled()"); !slices.Equal(protocols, []string{"h2"}) {
			t.Errorf("polls over %v went over %q, want h2", transports, protocols)
		}
		var back socketioClient
		p.evaluate(t, &back, "reconnect()")
		if back.Server != before[i].Server || back.Transport != before[i].Transport || back.ID == before[i].ID {
			t.Errorf("%v came back as %v", before[i], back)
		}
	}

	victim := before[0].Server
	servers[victim].kill(t)
	for i, p := range pages {
		var after socketioClient
		p.evaluate(t, &after, "seated(%q)", victim)
		if after.Transport != before[i].Transport {
			t.Errorf("%v moved to %v", before[i], after)
		}
		p.evaluate(t, nil, "exchange()")
	}
}

// TestBrowserSocketIOFromAnotherSite: both recipes serve a page of another site, whose browser sends the gateway's cookie
// and a foreign Origin with each WebSocket, the first after the polls and those of later connections.
func TestBrowserSocketIOFromAnotherSite(t *testing.T) {
	c := newCertificate(t, "chat")
	files := c.install(t, t.TempDir())
	b := startBrowser(t, c)
	for _, way := range []struct {
		name    string
		flags   []string
		cookies bool
	}{
		{"cookie", []string{"--hash-on", "random", "--sticky-cookie", "seat", "--sticky-same-site", "none"}, true},
		{"address", nil, false},
	} {
		t.Run(way.name, func(t *testing.T) {
			_, flags := startSocketIO(t)
			addr := freeport.Addr(t)
			startBinary(t, 0, append(append(flags, "--tls-listen", addr, "--tls-cert", files.cert, "--tls-key", files.key), way.flags...)...)
			_, port, _ := net.SplitHostPort(addr)
			for _, transports := range socketioTransports {
				p := b.openAt(t, "127.0.0.1", addr, "chat") // no site of localhost's
				list, _ := json.Marshal(transports)
				var first, back socketioClient
				p.evaluate(t, &first, "join(%s, 'https://localhost:%s', %t)", list, port, way.cookies)
				p.evaluate(t, nil, "exchange()")
				p.evaluate(t, &back, "reconnect()")
				p.evaluate(t, nil, "exchange()")
				if back.Server != first.Server || back.Transport != first.Transport || back.ID == first.ID {
					t.Errorf("over %v: %v came back as %v", transports, first, back)
				}
			}
		})
	}
}
