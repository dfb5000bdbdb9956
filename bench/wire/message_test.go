package wire

import (
	"bytes"
	"testing"
)

// payloadOf takes the one masked frame in b apart.
func payloadOf(t *testing.T, b []byte, opcode byte) []byte {
	t.Helper()
	h, n, err := ParseHeader(b)
	if err != nil || !h.Fin || !h.Masked || h.Opcode != opcode || int(h.Length) != len(b)-n {
		t.Fatalf("%+v, %v of %d bytes", h, err, len(b))
	}
	payload := bytes.Clone(b[n:])
	Mask(payload, h.Mask, 0)
	return payload
}

// An echo matches in whatever pieces it comes, and no other message's does.
func TestMessage(t *testing.T) {
	for _, size := range []int{0, 1, 3, 7, 8, 9, 20, 125, 126, 70_000} {
		m := NewMessage(size)
		payload := payloadOf(t, m.Stamp(7, 9), Binary)
		if len(payload) != size {
			t.Fatalf("%d bytes, want %d", len(payload), size)
		}
		for cut := range min(size, 30) + 1 {
			if !m.Matches(7, 9, 0, payload[:cut]) || !m.Matches(7, 9, cut, payload[cut:]) {
				t.Errorf("%d bytes, cut at %d: no match", size, cut)
			}
		}
		if m.Matches(7, 9, 0, append(payload, 0)) || m.Matches(7, 9, 1, payload) && size > 0 {
			t.Errorf("%d bytes: more than there are match", size)
		}
		if size < StampSize {
			continue
		}
		if m.Matches(7, 10, 0, payload) || m.Matches(8, 9, 0, payload) {
			t.Errorf("%d bytes: another's echo matches", size)
		}
		if payload[size-1] ^= 1; m.Matches(7, 9, 0, payload) {
			t.Errorf("%d bytes: another end matches", size)
		}
	}
}

func TestAppendControl(t *testing.T) {
	b := AppendControl([]byte("before"), Ping, []byte("payload"))
	if got := payloadOf(t, b[len("before"):], Ping); string(got) != "payload" {
		t.Errorf("%q", got)
	}
}
