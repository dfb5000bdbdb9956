package interop

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// guest is a real client that has opened a WebSocket, or was refused one.
type guest interface {
	send(t testing.TB, n int) // small messages, at once
	next(t testing.TB) event  // open where a page may fail to, message and close
}

// door is what guests of one implementation come through; dial must be answered with a WebSocket, be it closed at once.
type door struct {
	name string
	dial func(t testing.TB, url string) guest
}

// doors are npm's ws, Python's websockets, and a page in Chromium.
func doors(t testing.TB) []door {
	p := startForeignPages(t).open(t, "127.0.0.1")
	return append(scripted(t), door{"Chromium", func(t testing.TB, url string) guest {
		t.Helper()
		g := p.dial(t, url)
		if ev := g.next(t); ev.Event != "open" {
			t.Fatalf("the page did not get its WebSocket: %v", ev)
		}
		return g
	}})
}

// scripted are the doors of clients that can send what a page cannot.
func scripted(t testing.TB) (list []door) {
	for _, i := range implementations[1:] {
		list = append(list, door{i.name, func(t testing.TB, url string) guest {
			t.Helper()
			return dialled(t, i, command{URL: url})
		}})
	}
	return list
}

// scriptGuest is a Conn of a Peer.
type scriptGuest struct{ *Conn }

func dialled(t testing.TB, i implementation, c command) scriptGuest {
	t.Helper()
	conn, ev := i.peer(t).Dial(t, c)
	if conn == nil {
		t.Fatalf("%s was refused with status %d", i.name, ev.Status)
	}
	return scriptGuest{conn}
}

func (g scriptGuest) send(t testing.TB, n int) {
	t.Helper()
	g.burst(t, slices.Repeat([]command{{Do: "send", Kind: "text", Size: 10}}, n)...)
}

func (g scriptGuest) next(t testing.TB) event {
	t.Helper()
	return await(t, g.events, g.peer.Name+": a message or the end")
}

// burst gives commands without awaiting one before the next. The end of the connection may make them fail, which next tells
// of. Their answers have the number 0; each burst takes as many as it gave commands, be they its own or another's.
func (g scriptGuest) burst(t testing.TB, commands ...command) {
	t.Helper()
	for _, c := range commands {
		c.Conn = g.number
		if err := g.peer.send(c); err != nil {
			t.Fatal(err)
		}
	}
	answers := g.peer.queue("answer", 0)
	for range commands {
		await(t, answers, g.peer.Name+": an answer in a burst")
	}
}

// foreignPages are pages that do not come through the gateway: each name of their host is an origin of its own.
type foreignPages struct {
	*browser
	port string
}

func startForeignPages(t testing.TB) *foreignPages {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir("node/page")))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return &foreignPages{startBrowser(t), s.URL[len("http://127.0.0.1:"):]}
}

func (f *foreignPages) origin(host string) string { return "http://" + host + ":" + f.port }

func (f *foreignPages) open(t testing.TB, host string) foreignPage {
	t.Helper()
	var opened struct{ Page, Status int }
	f.call(t, &opened, "open", args{"url": f.origin(host) + "/admit.html"})
	if opened.Status != http.StatusOK {
		t.Fatalf("the page came with status %d", opened.Status)
	}
	return foreignPage{&page{f.browser, opened.Page}}
}

type foreignPage struct{ *page }

func (p foreignPage) dial(t testing.TB, url string) pageGuest {
	t.Helper()
	g := pageGuest{page: p.page}
	p.evaluate(t, &g.number, "dial('%s')", url)
	return g
}

// pageGuest is a WebSocket of a page.
type pageGuest struct {
	page   *page
	number int
}

func (g pageGuest) send(t testing.TB, n int) {
	t.Helper()
	g.page.evaluate(t, nil, "send(%d, %d)", g.number, n)
}

func (g pageGuest) next(t testing.TB) (ev event) {
	t.Helper()
	g.page.evaluate(t, &ev, "next(%d)", g.number)
	return ev
}

// wantEvent is the next thing that a guest hears.
func wantEvent(t testing.TB, who string, g guest, kind string, code int, reason string) {
	t.Helper()
	if ev := g.next(t); ev.Event != kind || ev.Code != code || ev.Reason != reason {
		t.Fatalf("%s: %s %d %q, want %s %d %q", who, ev.Event, ev.Code, ev.Reason, kind, code, reason)
	}
}
