package web_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

const handshake = "GET /chat?room=1 HTTP/1.1\r\nHost: x.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"

func TestUpgrade(t *testing.T) {
	echo := backend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	for what, c := range map[string]struct{ before, head, early string }{
		"as the first request":         {"", handshake + "\r\n", ""},
		"after another":                {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", handshake + "\r\n", ""},
		"with bytes behind it":         {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", handshake + "\r\n", "\x81\x85\x00\x00\x00\x00early"},
		"behind a body":                {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", handshake + "\r\n", "x"},
		"badly, which is ours no more": {"", "POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, setup{specs: []string{echo}})
			client := r.raw(c.before + c.head + c.early)
			if c.before != "" {
				res, _ := client.answer(t)
				equal(t, "status of the first", res.StatusCode, 200)
			}
			u := <-r.upgrades
			defer u.conn.Close()
			equal(t, "Closed before the upgrade", u.closed, 1)
			got, err := http.ReadRequest(bufioOf(u.head))
			if err != nil {
				t.Fatalf("%q: %v", u.head, err)
			}
			want, _ := http.ReadRequest(bufioOf(c.head))
			equal(t, "head", fmt.Sprint(got.Method, got.RequestURI, got.Host, got.Header, got.TransferEncoding),
				fmt.Sprint(want.Method, want.RequestURI, want.Host, want.Header, want.TransferEncoding))
			_, _ = io.WriteString(client, "late")
			all := []byte(u.early)
			for len(all) < len(c.early)+len("late") {
				b := make([]byte, 100)
				n, err := u.conn.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, b[:n]...)
			}
			equal(t, "bytes behind the head", string(all), c.early+"late")
			_, _ = io.WriteString(u.conn, "HTTP/1.1 101 Switching Protocols\r\n")
			line, _ := client.ReadString('\n')
			equal(t, "what the client reads", line, "HTTP/1.1 101 Switching Protocols\r\n")
			equal(t, "upgrades", r.server.Stats().Upgrades, 1)
			equal(t, "connections left", r.server.Stats().Active, 0)
		})
	}
}
