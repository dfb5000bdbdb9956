package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// The key and its proof are the example of RFC 6455 section 1.3.
const key, proof = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

func TestPath(t *testing.T) {
	for head, want := range map[string]string{
		"GET /a/b?c=/d HTTP/1.1\r\nHost: h /x y\r\n\r\n": "/a/b",
		"GET / HTTP/1.1\r\n\r\n":                         "/",
		"GET\r\n\r\n":                                    "",
		"GET /x":                                         "/x",
		"":                                               "",
	} {
		if got := string(Path([]byte(head))); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

func TestHandshake(t *testing.T) {
	request := AppendRequest(nil, "h:1", "/p?q", key)
	for i := range request {
		if n, err := CutHead(request[:i]); n != 0 || err != nil {
			t.Fatalf("prefix of %d: %d, %v", i, n, err)
		}
	}
	n, err := CutHead(append(request, "more"...))
	if n != len(request) || err != nil {
		t.Fatalf("CutHead = %d, %v; want %d", n, err, len(request))
	}
	answer, err := AppendAnswer(nil, request)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckAnswer(answer, proof); err != nil {
		t.Error(err)
	}
	if err := CheckAnswer(answer, "other"); err == nil {
		t.Error("a wrong proof passed")
	}
	if err := CheckAnswer([]byte("HTTP/1.1 426 Upgrade Required\r\n\r\n"), proof); err == nil || !strings.Contains(err.Error(), "426") {
		t.Errorf("a refusal gives %v, want the status", err)
	}
	if _, err := AppendAnswer(nil, []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")); err == nil {
		t.Error("a request without a key was answered")
	}
	if _, err := CutHead(bytes.Repeat([]byte("x"), MaxHead+1)); !errors.Is(err, ErrHeadTooLong) {
		t.Errorf("an endless head gives %v", err)
	}
}
