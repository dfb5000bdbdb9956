package interop

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestBrowserSocketIO is TestSocketIO as users have it: pages over HTTPS, so that polls are HTTP/2 and WebSockets are
// HTTP/1.1, from a browser that keeps its cookie when it reconnects, and when the server that it names has ended.
func TestBrowserSocketIO(t *testing.T) {
	servers, flags := startSocketIO(t)
	c := newCertificate(t, "chat")
	files := c.install(t, t.TempDir())
	addr := freeAddr(t)
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
