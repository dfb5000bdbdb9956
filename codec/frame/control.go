package frame

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// AppendFrame appends a whole, unfragmented frame to dst: masked with *key, or not masked if key is nil.
func AppendFrame(dst []byte, op ws.OpCode, payload []byte, key *[4]byte) []byte {
	dst = appendHeader(dst, op, len(payload), key)
	return maskTail(append(dst, payload...), len(payload), key)
}

// AppendClose appends a close frame (RFC 6455 section 5.5.1). The reason is cut, between two characters,
// to the 123 bytes that there is room for. Code 1005 stands for no code (section 7.1.5): the frame is empty.
func AppendClose(dst []byte, code ws.StatusCode, reason string, key *[4]byte) []byte {
	if code == ws.StatusNoStatusRcvd {
		return appendHeader(dst, ws.OpClose, 0, key)
	}
	reason = cutText(reason, ws.MaxControlFramePayloadSize-2)
	dst = appendHeader(dst, ws.OpClose, 2+len(reason), key)
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return maskTail(append(dst, reason...), 2+len(reason), key)
}

// AppendPing appends a ping with the first 125 bytes of payload (RFC 6455 section 5.5.2).
func AppendPing(dst, payload []byte, key *[4]byte) []byte {
	return AppendFrame(dst, ws.OpPing, payload[:min(len(payload), ws.MaxControlFramePayloadSize)], key)
}

// AppendCompressed is AppendFrame for a payload that was compressed: with RSV1 (RFC 7692 section 6.1).
func AppendCompressed(dst []byte, op ws.OpCode, payload []byte, key *[4]byte) []byte {
	at := len(dst)
	dst = AppendFrame(dst, op, payload, key)
	dst[at] |= rsv1
	return dst
}

func appendHeader(dst []byte, op ws.OpCode, length int, key *[4]byte) []byte {
	var maskBit byte
	if key != nil {
		maskBit = mask
	}
	dst = append(dst, fin|byte(op))
	switch {
	case length < 126:
		dst = append(dst, maskBit|byte(length))
	case length < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, maskBit|126), uint16(length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, maskBit|127), uint64(length))
	}
	if key != nil {
		dst = append(dst, key[:]...)
	}
	return dst
}

// maskTail masks the last n bytes of b.
func maskTail(b []byte, n int, key *[4]byte) []byte {
	if key != nil {
		Mask(b[len(b)-n:], *key, 0)
	}
	return b
}

// cutText cuts text to at most n bytes, between two characters.
func cutText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
