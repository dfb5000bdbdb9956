package interop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"weir/upstream/accept"
)

// guestbook is a backend that echoes, and tells of each visit when it has ended.
type guestbook struct {
	came   atomic.Int32 // requests of all kinds
	visits chan visit
}

type visit struct {
	target, head string // of the request; the head is all of it
	user         string // X-User
	messages     int
	pings        int32
	code         websocket.StatusCode // -1: none came
}

func newGuestbook() *guestbook { return &guestbook{visits: make(chan visit, 100)} }

// kinds are the ways to reach a backend.
var kinds = []struct {
	name  string
	start func(*guestbook, testing.TB) (upstream string)
}{{"tunnel", (*guestbook).tunnel}, {"pool", (*guestbook).pool}}

func (b *guestbook) tunnel(t testing.TB) string {
	s := httptest.NewServer(b)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return "ws://" + s.Listener.Addr().String()
}

func (b *guestbook) pool(t testing.TB) string {
	t.Helper()
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { _ = accept.Serve(l, b) }()
	return "h2c://" + l.Addr().String()
}

func (b *guestbook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.came.Add(1)
	head, err := httputil.DumpRequest(r, false)
	if err != nil {
		panic(err) // the body is not asked for
	}
	v := visit{target: r.RequestURI, head: string(head), user: r.Header.Get("X-User")}
	var pings atomic.Int32
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // origins are the gateway's affair
		OnPingReceived:     func(context.Context, []byte) bool { pings.Add(1); return true },
	})
	if err != nil {
		return // the client sees it
	}
	defer ws.CloseNow()
	ws.SetReadLimit(-1)
	for err == nil {
		var kind websocket.MessageType
		var message []byte
		if kind, message, err = ws.Read(context.Background()); err == nil {
			v.messages++
			// The client may be gone by now, but what it sent before still counts.
			_ = ws.Write(context.Background(), kind, message)
		}
	}
	v.pings, v.code = pings.Load(), websocket.CloseStatus(err)
	b.visits <- v
}

// next awaits the end of a visit.
func (b *guestbook) next(t testing.TB) visit {
	t.Helper()
	return await(t, b.visits, "the end of a visit at the backend")
}
