package interop

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"weir/internal/freeport"
	"weir/upstream/accept"
)

// Echo backends follow one rule: the path /refused gets status 403, the subprotocol blue is chosen if it is offered,
// the text "close CODE REASON" makes them close, and all other messages come back.
var echoBackends = []struct {
	name  string
	start func(testing.TB) (addr string)
}{
	{"accept", func(t testing.TB) string { return startAcceptEcho(t, accept.Options{}) }},
	{"net/http", startNetHTTP},
	{"Hypercorn", startHypercorn},
	{"node:http2", startNodeEcho},
}

// echoSession serves one session until its end.
func echoSession(rw io.ReadWriter) {
	for {
		b, op, err := wsutil.ReadClientData(rw)
		if err != nil {
			return
		}
		if words := strings.SplitN(string(b), " ", 3); op == ws.OpText && len(words) == 3 && words[0] == "close" {
			code, _ := strconv.Atoi(words[1])
			_ = ws.WriteFrame(rw, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), words[2])))
			_, _, _ = wsutil.ReadClientData(rw)
			return
		}
		if wsutil.WriteServerMessage(rw, op, b) != nil {
			return
		}
	}
}

func chosen(h http.Header) http.Header {
	answer := http.Header{}
	if strings.Contains(h.Get("Sec-WebSocket-Protocol"), "blue") {
		answer.Set("Sec-WebSocket-Protocol", "blue")
	}
	return answer
}

// startAcceptEcho is the listener of the accept package with gobwas/ws.
func startAcceptEcho(t testing.TB, o accept.Options) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := accept.New(ln, o)
	t.Cleanup(func() { _ = l.Close() })
	go acceptEcho(l)
	return l.Addr().String()
}

func acceptEcho(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			c := conn.(*accept.Conn)
			defer c.Close()
			if r := c.Request(); r.Path == "/refused" {
				_ = c.Refuse(http.StatusForbidden, nil, "no\n")
			} else if c.Respond(chosen(r.Header)) == nil {
				echoSession(c)
			}
		}()
	}
}

// netHTTPAddr tells this binary to be a backend on net/http, which takes extended CONNECT with a setting of GODEBUG
// alone, read at start.
const netHTTPAddr = "WEIR_INTEROP_NETHTTP"

func init() {
	addr := os.Getenv(netHTTPAddr)
	if addr == "" {
		return
	}
	server := &http.Server{Addr: addr, Handler: http.HandlerFunc(serveConnect), Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}

func serveConnect(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodConnect || r.Header.Get(":protocol") != "websocket":
		_, _ = io.WriteString(w, "well")
		return
	case r.URL.Path == "/refused":
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	for name, values := range chosen(r.Header) {
		w.Header()[name] = values
	}
	w.WriteHeader(http.StatusOK)
	c := http.NewResponseController(w)
	if c.Flush() == nil {
		echoSession(struct {
			io.Reader
			io.Writer
		}{r.Body, flushing{w, c}})
	}
}

type flushing struct {
	io.Writer
	controller *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err == nil {
		err = f.controller.Flush()
	}
	return n, err
}

func startNetHTTP(t testing.TB) string {
	t.Helper()
	addr := freeport.Addr(t)
	startProcess(t, addr, []string{netHTTPAddr + "=" + addr, "GODEBUG=http2xconnect=1"}, os.Args[0])
	return addr
}

func startHypercorn(t testing.TB) string {
	t.Helper()
	addr := freeport.Addr(t)
	startProcess(t, addr, []string{"PYTHONDONTWRITEBYTECODE=1"}, "/usr/bin/python3", "-m", "hypercorn", "--bind", addr, "python/h2_echo:app")
	return addr
}

func startNodeEcho(t testing.TB) string {
	t.Helper()
	addr := freeport.Addr(t)
	_, port, _ := net.SplitHostPort(addr)
	startProcess(t, addr, nil, "node", "node/h2echo.mjs", port)
	return addr
}
