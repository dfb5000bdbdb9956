package interop

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

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
	pings        int
	code         ws.StatusCode // 0: none came
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
	conn, in, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return // the client sees it
	}
	defer conn.Close()
	v := visit{target: r.RequestURI, head: string(head), user: r.Header.Get("X-User")}
	b.visits <- v.echo(conn, in)
}

// echo serves the visit until its end. A message that is cut off is none: not every library for backends can tell.
func (v visit) echo(conn net.Conn, in io.Reader) visit {
	answer := wsutil.ControlFrameHandler(conn, ws.StateServerSide)
	control := func(h ws.Header, payload io.Reader) error {
		if h.OpCode == ws.OpPing {
			v.pings++
		}
		return answer(h, payload)
	}
	messages := &wsutil.Reader{Source: in, State: ws.StateServerSide, OnIntermediate: control}
	for {
		h, err := messages.NextFrame()
		if err == nil && h.OpCode.IsControl() {
			err = control(h, messages)
		} else if err == nil {
			var message []byte
			if message, err = io.ReadAll(messages); err == nil {
				v.messages++
				// The client may be gone by now, but what it sent before still counts.
				_ = wsutil.WriteServerMessage(conn, h.OpCode, message)
			}
		}
		if err != nil {
			var closed wsutil.ClosedError
			if errors.As(err, &closed) {
				v.code = closed.Code
			}
			return v
		}
	}
}

// next awaits the end of a visit.
func (b *guestbook) next(t testing.TB) visit {
	t.Helper()
	return await(t, b.visits, "the end of a visit at the backend")
}
