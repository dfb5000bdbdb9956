package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framed is an endpoint that speaks HTTP/2 in clear, and answers each request with these lengths and a body.
func framed(t *testing.T, body string, lengths ...string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answerFramed(conn, body, lengths)
			}()
		}
	}()
	return "h2c://" + l.Addr().String()
}

func answerFramed(conn net.Conn, body string, lengths []string) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	_ = encoder.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	for _, value := range lengths {
		_ = encoder.WriteField(hpack.HeaderField{Name: "content-length", Value: value})
	}
	_, _ = io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.StreamID, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == ""})
			if body != "" {
				_ = f.WriteData(frame.StreamID, true, []byte(body))
			}
		}
	}
}

// TestLengthsOfAnswers: lengths that say the same are one length (RFC 9110 section 8.6), lengths that differ are a fault,
// whatever the endpoint and the client speak, and however the endpoint's head comes in pieces.
func TestLengthsOfAnswers(t *testing.T) {
	for _, c := range []struct {
		lengths []string
		good    bool
	}{
		{[]string{"2"}, true},
		{[]string{"2, 2"}, true},
		{[]string{"2 ,\t2,2"}, true},
		{[]string{"2", "2"}, true},
		{[]string{"2", "2, 2"}, true},
		{[]string{"2, 3"}, false},
		{[]string{"2", "3"}, false},
		{[]string{"3", "2, 2"}, false},
		{[]string{"2,"}, false},
		{[]string{"+2"}, false},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			body := "ok"
			if method == "HEAD" {
				body = ""
			}
			head := "HTTP/1.1 200 OK\r\nX: y\r\n"
			for _, value := range c.lengths {
				head += "content-length: " + value + "\r\n"
			}
			head += "Z: z\r\n\r\n"
			for speaks, spec := range map[string]string{
				"HTTP/1.1": scripted(t, say(head+body)), "HTTP/1.1 in pieces": scripted(t, crumbs(head+body)), "HTTP/2": framed(t, body, c.lengths...),
			} {
				for _, secure := range []bool{false, true} {
					what := fmt.Sprintf("%s %q over %s, TLS %v", method, c.lengths, speaks, secure)
					r := newRig(t, setup{specs: []string{spec}, tls: secure})
					res, got := r.do(method, "/", "")
					if !c.good {
						equal(t, what+": status", res.StatusCode, 502)
						equal(t, what+": reason", r.line().Reason, "backend_bad_answer")
						continue
					}
					equal(t, what+": status", res.StatusCode, 200)
					equal(t, what+": lengths", strings.Join(res.Header["Content-Length"], "|"), "2")
					equal(t, what+": body", got, body)
				}
			}
		}
	}
}

// crumbs says it byte by byte.
func crumbs(text string) func(net.Conn) {
	return func(conn net.Conn) {
		for i := range len(text) {
			_, _ = conn.Write([]byte(text[i : i+1]))
		}
	}
}
