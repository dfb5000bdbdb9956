//go:build linux

package proc

import (
	"io"
	"strings"
	"testing"
)

func TestTailKeepsTheLast(t *testing.T) {
	var said Tail
	if said.String() != "" {
		t.Errorf("silence gives %q", said.String())
	}
	chatter := strings.Repeat("chatter\n", 10_000)
	io.Copy(&said, strings.NewReader(chatter)) // as os/exec does
	for range 1000 {
		said.Write([]byte("chatter\n"))
	}
	if n, err := said.Write([]byte("one\ntwo\n")); n != 8 || err != nil {
		t.Errorf("%d bytes taken, %v", n, err)
	}
	if got := said.String(); got != ": one | two" || len(said.buf) > tailSize || cap(said.buf) > 8*tailSize {
		t.Errorf("%q, %d bytes kept in %d", got, len(said.buf), cap(said.buf))
	}
}
