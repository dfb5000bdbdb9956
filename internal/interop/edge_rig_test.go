package interop

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// told is what a witness saw of a request.
type told struct {
	Witness, Method, Target, Host string
	Header                        http.Header
	Body                          int64 // bytes
}

// startWitness is a backend that tells what it was asked, as the answer or as a WebSocket's first message, behind which it
// echoes. The listener may be nil: then it is one of its own.
func startWitness(t testing.TB, name string, ln net.Listener) (addr string) {
	t.Helper()
	s := httptest.NewUnstartedServer(witness(name))
	if ln != nil {
		_ = s.Listener.Close()
		s.Listener = ln
	}
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

func witness(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		saw := told{Witness: name, Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header}
		if r.Header.Get("Upgrade") == "" {
			saw.Body, _ = io.Copy(io.Discard, r.Body)
			_ = json.NewEncoder(w).Encode(saw)
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // the client sees it
		}
		defer ws.CloseNow()
		ws.SetReadLimit(-1)
		kind := websocket.MessageText
		for message, _ := json.Marshal(saw); err == nil; {
			if err = ws.Write(r.Context(), kind, message); err == nil {
				kind, message, err = ws.Read(r.Context())
			}
		}
	}
}

// clientFrom connects from a loopback address, and over TLS trusts an authority, which may be nil.
func clientFrom(t testing.TB, source string, trusted *authority) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: patience}
	transport := &http.Transport{DialContext: dialer.DialContext}
	if trusted != nil {
		transport.TLSClientConfig = trusted.trust()
	}
	return clientOver(t, transport)
}

func clientOver(t testing.TB, transport *http.Transport) *http.Client {
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// get asks a witness. Fields are "Name: value".
func get(t testing.TB, c *http.Client, url string, fields ...string) (saw told) {
	t.Helper()
	status, body := request(t, c, url, fields...)
	if err := json.Unmarshal([]byte(body), &saw); err != nil || status != http.StatusOK {
		t.Fatalf("%s: status %d, %q", url, status, body)
	}
	return saw
}

func request(t testing.TB, c *http.Client, url string, fields ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header(fields)
	r.Host = r.Header.Get("Host")
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

func header(fields []string) http.Header {
	h := http.Header{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		h.Add(name, value)
	}
	return h
}

// converse opens a WebSocket to a witness, has a message come back and closes in order.
func converse(t testing.TB, c *http.Client, url string, fields ...string) (saw told) {
	t.Helper()
	ws, saw, status := dialWitness(t, c, url, fields...)
	if ws == nil {
		t.Fatalf("%s: refused with status %d", url, status)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	message := strings.Repeat("round trip ", 10_000)
	err := ws.Write(ctx, websocket.MessageText, []byte(message))
	if err == nil {
		var back []byte
		if _, back, err = ws.Read(ctx); err == nil && string(back) != message {
			t.Errorf("%s: %d bytes came back changed", url, len(message))
		}
	}
	if err = errors.Join(err, ws.Close(websocket.StatusNormalClosure, "")); err != nil {
		t.Errorf("%s: %v", url, err)
	}
	return saw
}

// dialWitness also takes a refusal, which it tells the status of.
func dialWitness(t testing.TB, c *http.Client, url string, fields ...string) (ws *websocket.Conn, saw told, status int) {
	t.Helper()
	untimed := &http.Client{Transport: c.Transport} // its timeout would end the session as well
	h := header(fields)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: untimed, HTTPHeader: h, Host: h.Get("Host")})
	switch {
	case err != nil && answer != nil && answer.StatusCode != http.StatusSwitchingProtocols:
		return nil, saw, answer.StatusCode
	case err != nil:
		t.Fatalf("%s: %v", url, err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(-1)
	_, b, err := ws.Read(ctx)
	if err = errors.Join(err, json.Unmarshal(b, &saw)); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return ws, saw, http.StatusSwitchingProtocols
}
