package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"weir/codec/http1"
)

func Example() {
	var ask http1.Request
	head := []byte("GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade, X-Hop\r\n" +
		"X-Hop: 1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if _, refusal := ask.Parse(head, http1.Limits{Head: 16 << 10, Fields: 100}); refusal != nil {
		fmt.Printf("%s", refusal.Append(nil))
		return
	}
	if refusal := ask.CheckUpgrade(); refusal != nil {
		fmt.Printf("%s", refusal.Append(nil))
		return
	}
	rules := http1.Rules{Forwarded: true}
	fields, host, _ := rules.Forward(nil, nil, &ask, someone)
	out := http1.AppendUpgrade(nil, ask.Target, host, ask.Key, fields)
	fmt.Printf("%s", bytes.ReplaceAll(bytes.TrimSpace(out), []byte("\r"), nil))
	// Output:
	// GET /chat HTTP/1.1
	// Host: example.com
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
	// Sec-WebSocket-Version: 13
	// X-Forwarded-For: 192.0.2.7
	// X-Real-IP: 192.0.2.7
	// X-Forwarded-Proto: http
	// X-Forwarded-Host: example.com
}

var blue = []http1.Field{{Name: []byte("X-Team"), Value: []byte("blue")}}

func TestAppendSwitching(t *testing.T) {
	var r http1.Response
	out := string(http1.AppendSwitching(nil, []byte(rfcAccept), blue))
	if n, reason := parseResponse(&r, out, 0); n != len(out) || reason != "" {
		t.Fatal(n, reason)
	}
	if fault := r.CheckSwitch([]byte(rfcAccept)); fault != nil || string(r.Fields[len(r.Fields)-1].Value) != "blue" {
		t.Errorf("%v\n%s", fault, out)
	}
}

func TestAppendAnswer(t *testing.T) {
	fields := append(blue[:1:1], http1.Field{Name: []byte("Content-Length"), Value: []byte("2")})
	out := http1.AppendAnswer(nil, 403, []byte("No Way"), fields)
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(append(out, "hi"...))), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if string(got) != "hi" || err != nil || resp.Status != "403 No Way" || !resp.Close || resp.Header.Get("X-Team") != "blue" {
		t.Errorf("%q %v %+v", got, err, resp)
	}
}
