package accept_test

import (
	"io"
	"net"
	"testing"
	"time"

	"weir/codec/h2"
	"weir/upstream/accept"
)

// oneConn is a listener with one connection.
type oneConn chan net.Conn

func (l oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l oneConn) Close() error   { close(l); return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// FuzzPeer: whatever a peer sends, nothing panics, hangs or is left behind.
func FuzzPeer(f *testing.F) {
	begin := h2.AppendPreface(nil, h2.DefaultSettings())
	connect := h2.NewEncoder().AppendConnect(nil, 1, "http", []byte("a"), []byte("/"), nil)
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(join(begin, connect, h2.AppendDataHeader(nil, 1, 3, false), []byte("abc"), h2.AppendReset(nil, 1, h2.Cancel)))
	f.Add(join(begin, connect, h2.AppendDataHeader(nil, 1, 3, true), []byte("abc"), h2.AppendWindowUpdate(nil, 1, 9)))
	f.Add(join(begin, connect, connect, h2.AppendPing(nil, [8]byte{}), h2.AppendGoAway(nil, 0, h2.NoError, "")))
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		ln := make(oneConn, 1)
		ln <- theirs
		l := accept.New(ln, accept.Options{MaxStreams: 4, Backlog: 2})
		go echoBytes(l)
		_ = ours.SetDeadline(time.Now().Add(patience))
		go func() {
			_, _ = ours.Write(b)
			_ = ours.Close()
		}()
		_, _ = io.Copy(io.Discard, ours)
		_ = l.Close()
	})
}
