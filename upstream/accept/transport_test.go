package accept_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"golang.org/x/net/http2"

	"weir/upstream/accept"
)

const patience = time.Minute

// session is x/net's own client of RFC 8441.
type session struct {
	io.Reader
	io.WriteCloser
	answer *http.Response
}

func dial(l net.Listener, target string, header http.Header) (*session, func(), error) {
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	up, w := io.Pipe()
	req, err := http.NewRequest(http.MethodConnect, "http://"+l.Addr().String()+target, up)
	if err != nil {
		return nil, nil, err
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header[":protocol"] = []string{"websocket"}
	req.Header.Set("Sec-WebSocket-Version", "13")
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	return &session{res.Body, w, res}, func() { w.Close(); res.Body.Close(); transport.CloseIdleConnections() }, nil
}

func mustDial(t testing.TB, l net.Listener, target string, header http.Header) *session {
	t.Helper()
	s, stop, err := dial(l, target, header)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

func listen(t testing.TB, o accept.Options) *accept.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := accept.New(ln, o)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// echoSessions serves all sessions with gobwas/ws.
func echoSessions(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for {
				b, op, err := wsutil.ReadClientData(c)
				if err != nil || wsutil.WriteServerMessage(c, op, b) != nil {
					return
				}
			}
		}()
	}
}

func roundTrip(t testing.TB, rw io.ReadWriter, message []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { sent <- wsutil.WriteClientBinary(rw, message) }()
	if got, err := wsutil.ReadServerBinary(rw); err != nil || !bytes.Equal(got, message) {
		t.Fatalf("%d bytes came back as %d, %v", len(message), len(got), err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestEchoSizes(t *testing.T) {
	l := listen(t, accept.Options{})
	go echoSessions(l)
	s := mustDial(t, l, "/", nil)
	for _, size := range []int{1, 125, 126, 65535, 65536, 1 << 20, 5 << 20} {
		roundTrip(t, s, bytes.Repeat([]byte{byte(size)}, size))
	}
}

// The handlers are those of any net/http server.
func TestServe(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/coder", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"blue"}, CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer c.CloseNow()
		kind, b, err := c.Read(r.Context())
		if err == nil && c.Write(r.Context(), kind, b) == nil {
			_ = c.Close(websocket.StatusNormalClosure, "")
		}
	})
	mux.HandleFunc("/gobwas", func(w http.ResponseWriter, r *http.Request) {
		up := ws.HTTPUpgrader{Protocol: func(p string) bool { return p == "blue" }, Header: http.Header{"X-Served": {"gobwas"}}}
		c, _, _, err := up.Upgrade(r, w)
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b, op, err := wsutil.ReadClientData(c)
			if err == nil {
				_ = wsutil.WriteServerMessage(c, op, b)
			}
		}()
	})
	mux.HandleFunc("/refused", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "who are you?", http.StatusUnauthorized)
	})
	mux.HandleFunc("/raw-refusal", func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		for _, b := range []byte("HTTP/1.1 403 Forbidden\r\nX-Why: raw\r\n\r\nno") {
			_, _ = c.Write([]byte{b})
		}
		_ = c.Close()
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "well, %s", r.Host) })
	l := listen(t, accept.Options{})
	go func() { _ = accept.Serve(l, mux) }()

	for _, path := range []string{"/coder", "/gobwas"} {
		s := mustDial(t, l, path, http.Header{"Sec-Websocket-Protocol": {"red, blue"}})
		if got := s.answer.Header.Get("Sec-WebSocket-Protocol"); s.answer.StatusCode != 200 || got != "blue" {
			t.Errorf("%s: status %d, subprotocol %q", path, s.answer.StatusCode, got)
		}
		for _, name := range []string{"Sec-Websocket-Accept", "Upgrade", "Connection"} {
			if s.answer.Header.Get(name) != "" {
				t.Errorf("%s: the answer has %s", path, name)
			}
		}
		roundTrip(t, s, []byte("hello"))
	}
	for path, want := range map[string]struct {
		status     int
		name, text string
	}{
		"/refused":     {401, "Www-Authenticate", "who are you?\n"},
		"/raw-refusal": {403, "X-Why", "no"},
		"/health":      {426, "", ""}, // an answer of 200 to a handshake accepts nothing
	} {
		s := mustDial(t, l, path, nil)
		body, err := io.ReadAll(s)
		if s.answer.StatusCode != want.status || want.name != "" && s.answer.Header.Get(want.name) == "" || want.text != "" && string(body) != want.text {
			t.Errorf("%s: status %d, header %v, body %q, %v", path, s.answer.StatusCode, s.answer.Header, body, err)
		}
	}
	if _, _, err := dial(l, "/panic", nil); err == nil {
		t.Error("a handler that panics gave an answer")
	}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String() + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "well, "+l.Addr().String() {
		t.Errorf("health check: %d %q", res.StatusCode, body)
	}
}

func TestShutdownLetsSessionsEnd(t *testing.T) {
	l := listen(t, accept.Options{})
	go echoSessions(l)
	s := mustDial(t, l, "/", nil)
	roundTrip(t, s, []byte("before"))
	over := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		over <- l.Shutdown(ctx)
	}()
	for range 100 {
		roundTrip(t, s, []byte("during"))
	}
	select {
	case err := <-over:
		t.Fatalf("Shutdown returned %v with a session open", err)
	default:
	}
	_ = s.Close()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); err != net.ErrClosed {
		t.Errorf("Accept: %v", err)
	}
}

func TestShutdownDeadline(t *testing.T) {
	l := listen(t, accept.Options{})
	go echoSessions(l)
	s := mustDial(t, l, "/", nil)
	roundTrip(t, s, []byte("before"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Shutdown(ctx); err != context.Canceled {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := io.ReadAll(s); err == nil {
		t.Error("the session ended in order")
	}
}
