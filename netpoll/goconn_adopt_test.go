package netpoll_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"weir/netpoll"
)

// adopted takes conn back on the loop. What is left of its bytes comes first, then what OnData gets; "eof" and "closed"
// are told behind them.
func adopted(t testing.TB, l *netpoll.Loop, c *netpoll.Conn, conn net.Conn) (text <-chan string, h *hooks) {
	t.Helper()
	heard := make(chan string, 4096)
	h = &hooks{
		data:    func(_ *netpoll.Conn, b []byte) { heard <- string(b) },
		eof:     func(*netpoll.Conn) { heard <- "<eof>" },
		closed:  func(_ *netpoll.Conn, err error) { heard <- fmt.Sprintf("<closed: %v>", err) },
		drained: func(*netpoll.Conn) { heard <- "<drained>" },
	}
	do(t, l, func() {
		rest, err := l.Adopt(c, conn, h)
		if err != nil {
			t.Error(err)
		}
		heard <- string(rest)
	})
	return heard, h
}

func collect(t testing.TB, heard <-chan string, n int) string {
	t.Helper()
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(await(t, heard))
	}
	return b.String()
}

// A connection taken back brings every byte that came meanwhile, wherever it was: in the socket, in the goConn, in a
// record read in part, in records not decrypted, in what was given to Detach.
func TestAdoptBringsAll(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 50_000) // more than is kept, so that the socket is not read meanwhile
	bothWays(t, func(t *testing.T, how string) {
		for _, early := range []string{"", "some early bytes"} {
			for _, tt := range []struct {
				sent string
				read int // of what was sent behind early, by the goroutine
			}{{"", 0}, {"0123456789", 3}, {long[:16<<10], 100}, {long[:16<<10], 0}, {long[:40_000], 20_000}, {long, 10}, {long, 0}} {
				t.Run(fmt.Sprintf("%d early, %d sent, %d read", len(early), len(tt.sent), tt.read), func(t *testing.T) {
					l := start(t, netpoll.Options{ReadBuffer: 8 << 10})
					conn, peer := detached(t, l, how, early)
					wrote := make(chan error, 1)
					go func() { _, err := io.WriteString(peer, tt.sent); wrote <- err }()
					whole := early + tt.sent
					skip := 0
					if tt.read > 0 {
						skip = len(early) + tt.read
						hear(t, conn, whole[:skip])
					} else if early != "" {
						skip = 4
						hear(t, conn, early[:skip])
					}
					var c netpoll.Conn
					heard, _ := adopted(t, l, &c, conn)
					if got := collect(t, heard, len(whole)-skip); got != whole[skip:] {
						t.Errorf("%d bytes came, want %d", len(got), len(whole)-skip)
					}
					if err := await(t, wrote); err != nil {
						t.Error(err)
					}
					say(t, peer, "more")
					for got := ""; got != "more"; {
						got += await(t, heard)
					}
					do(t, l, func() { c.Write([]byte("answer")); c.CloseWrite() })
					if got, err := io.ReadAll(peer); err != nil || string(got) != "answer" {
						t.Errorf("%q, %v", got, err)
					}
					_ = peer.CloseWrite()
					for got := ""; got != "<eof>"; {
						got = await(t, heard)
					}
					do(t, l, c.Close)
				})
			}
		}
	})
}

// All of a request in one record, of which net/http has read a part: no more comes that could bring the rest.
func TestAdoptOfPartOfARecord(t *testing.T) {
	l := start(t, netpoll.Options{})
	conn, peer := detached(t, l, "TLS", "")
	say(t, peer, strings.Repeat("x", 10_000))
	hear(t, conn, strings.Repeat("x", 4096))
	var c netpoll.Conn
	heard, _ := adopted(t, l, &c, conn)
	if got := await(t, heard); len(got) != 10_000-4096 {
		t.Errorf("%d bytes were left", len(got))
	}
}

// The end of the peer's direction came while goroutines had the connection: the new handler hears of it.
func TestAdoptBehindEOF(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprint("read ", read), func(t *testing.T) {
				l := start(t, netpoll.Options{})
				conn, peer := detached(t, l, how, "early")
				hear(t, conn, "early")
				say(t, peer, "last")
				_ = peer.CloseWrite()
				want := "last"
				if read {
					if got, err := io.ReadAll(conn); err != nil || string(got) != "last" {
						t.Errorf("%q, %v", got, err)
					}
					want = ""
				}
				var c netpoll.Conn
				heard, _ := adopted(t, l, &c, conn)
				got := ""
				for !strings.Contains(got, "<eof>") {
					got += await(t, heard)
				}
				if got != want+"<eof>" {
					t.Errorf("%q, want %q", got, want+"<eof>")
				}
				do(t, l, func() { c.Write([]byte("bye")); c.CloseWrite() })
				if got, err := io.ReadAll(peer); err != nil || string(got) != "bye" {
					t.Errorf("%q, %v", got, err)
				}
				silent(t, heard, "another event")
				do(t, l, c.Close)
			})
		}
	})
}

// What goroutines wrote and nobody has read yet goes out in front of what the loop writes.
func TestAdoptWithMuchUnsent(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{LowWater: 16 << 10, Socket: netpoll.SocketOptions{NotSent: 64 << 10}}) // or the kernel took more once adopted
		conn, peer := detached(t, l, how, "")
		piece := bytes.Repeat([]byte("answer "), 2_000)
		sent := 0
		for full := false; !full; { // until the connection is, so that the last piece waits behind it
			do(t, l, func() { full = l.Stats().Buffered > 0 })
			if n, err := conn.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
			sent += len(piece)
		}
		var c netpoll.Conn
		heard, _ := adopted(t, l, &c, conn)
		do(t, l, func() { c.Write([]byte("and the rest")); c.CloseWrite() })
		got, err := io.ReadAll(peer)
		if err != nil || len(got) != sent+len("and the rest") || !bytes.HasSuffix(got, []byte("and the rest")) {
			t.Errorf("%d bytes, %v; want %d", len(got), err, sent)
		}
		if first := await(t, heard); first != "" {
			t.Errorf("%q was left", first)
		}
		if told := await(t, heard); told != "<drained>" { // of CloseWrite, once
			t.Errorf("%q", told)
		}
		silent(t, heard, "another event")
		do(t, l, c.Close)
	})
}

// Gone is gone: closed, half-closed, or taken back before.
func TestAdoptRefuses(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{})
		closed, peer := detached(t, l, how, "")
		_ = closed.Close()
		_ = peer.Close()
		twice, _ := detached(t, l, how, "")
		reset, peer := detached(t, l, how, "")
		raw, ok := peer.(*net.TCPConn)
		if !ok {
			raw = peer.(far).raw
		}
		_ = raw.SetLinger(0)
		_ = raw.Close()
		_, _ = reset.Read(make([]byte, 1))
		do(t, l, func() {
			var a, b netpoll.Conn
			if _, err := l.Adopt(&a, twice, &hooks{}); err != nil {
				t.Error(err)
			}
			for what, conn := range map[string]net.Conn{"closed": closed, "twice": twice, "reset": reset, "foreign": new(net.TCPConn)} {
				if _, err := l.Adopt(&b, conn, &hooks{}); err == nil {
					t.Errorf("%s: no error", what)
				}
			}
			a.Close()
		})
		_ = reset.Close()
		waitClosed(t, l)
	})
}

// To and fro many times.
func TestAdoptAgainAndAgain(t *testing.T) {
	bothWays(t, func(t *testing.T, how string) {
		l := start(t, netpoll.Options{})
		conn, peer := detached(t, l, how, "")
		for i := range 50 {
			say(t, peer, "to a goroutine")
			hear(t, conn, "to a goroutine")
			say(t, conn, "from a goroutine")
			hear(t, peer, "from a goroutine")
			var c netpoll.Conn
			heard, h := adopted(t, l, &c, conn)
			back := make(chan net.Conn, 1)
			say(t, peer, "to the loop")
			if got := collect(t, heard, len("to the loop")); got != "to the loop" {
				t.Fatalf("%q, round %d", got, i)
			}
			do(t, l, func() {
				h.data = nil
				c.Queue([]byte("from the loop"))
				back <- c.Detach(nil)
			})
			conn = await(t, back)
			hear(t, peer, "from the loop")
		}
		_ = conn.Close()
		_ = peer.CloseWrite()
		waitClosed(t, l)
	})
}
