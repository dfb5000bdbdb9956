package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
)

// refuser is a backend that answers every request with the same bytes and ends the connection.
func refuser(t testing.TB, answer string) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, answer)
			}
			_ = c.Close()
		}
	}()
	return "ws://" + ln.Addr().String()
}

func chunked(body string) string {
	var out strings.Builder
	w := httputil.NewChunkedWriter(&out)
	for size := 1; body != ""; size *= 3 {
		n := min(size, len(body))
		_, _ = io.WriteString(w, body[:n])
		body = body[n:]
	}
	_ = w.Close()
	return out.String() + "\r\n"
}

// knock asks for an upgrade with a plain HTTP client, which shows all of a refusal.
func knock(t testing.TB, addr string) (answer *http.Response, body string) {
	t.Helper()
	r, err := http.NewRequest("GET", "http://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"d2VpciBpbnRlcm9wIGtleQ=="}}
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	answer, err = client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer, string(b)
}

// An answer that is no 101 can have a body of any framing; it reaches the client whole.
func TestRefusalBodies(t *testing.T) {
	long := strings.Repeat("all seats are taken. ", 10_000)
	for _, c := range []struct{ name, fields, framed, body string }{
		{"length", fmt.Sprintf("Content-Length: %d\r\n", len(long)), long, long},
		{"chunked", "Transfer-Encoding: chunked\r\n", chunked(long), long},
		{"to the end", "", long, long},
		{"empty", "Content-Length: 0\r\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := tunnels(t, refuser(t, "HTTP/1.1 409 Conflict\r\nX-Reason: full\r\n"+c.fields+"\r\n"+c.framed))
			answer, body := knock(t, f.Addr)
			if answer.StatusCode != 409 || answer.Header.Get("X-Reason") != "full" || body != c.body {
				t.Errorf("%s, X-Reason %q, %d bytes of %d, as sent: %v", answer.Status, answer.Header.Get("X-Reason"),
					len(body), len(c.body), body == c.body)
			}
			for _, i := range implementations {
				if i.name == "websockets" {
					continue // 10.4 stops reading at 64 KiB of a refusal and waits 10 s for its end, gateway or not
				}
				conn, ev := i.peer(t).Dial(t, command{URL: f.url("/")})
				if conn != nil || ev.Status != 409 || ev.Body != nil && !strings.HasPrefix(c.body, *ev.Body) {
					t.Errorf("%s: connected: %v, status %d", i.name, conn != nil, ev.Status)
				}
			}
		})
	}
}

// A body that breaks off must not look whole to the client.
func TestRefusalBodyBreaksOff(t *testing.T) {
	f := tunnels(t, refuser(t, "HTTP/1.1 409 Conflict\r\nContent-Length: 1000\r\n\r\nall seats"))
	c := dialTCP(t, f.Addr)
	defer c.Close()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: weir\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2VpciBpbnRlcm9wIGtleQ==\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if b, err := io.ReadAll(answer.Body); err == nil || answer.StatusCode != 409 {
		t.Errorf("status %d, body %q taken as whole", answer.StatusCode, b)
	}
}
