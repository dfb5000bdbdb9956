package wire

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
)

// MaxHead is the longest request or response head that is taken, in bytes.
const MaxHead = 8 << 10

// ErrHeadTooLong means that no head ended within MaxHead bytes.
var ErrHeadTooLong = errors.New("head too long")

// CutHead cuts b behind the first empty line; n == 0 with no error means that more is needed.
func CutHead(b []byte) (n int, err error) {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4, nil
	}
	if len(b) > MaxHead {
		return 0, ErrHeadTooLong
	}
	return 0, nil
}

// AppendRequest appends a client's opening handshake (RFC 6455 section 4.1).
func AppendRequest(dst []byte, host, path, key string) []byte {
	return fmt.Appendf(dst, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, host, key)
}

// AppendGet appends a plain request, as a client sends it on a connection that it keeps.
func AppendGet(dst []byte, host, path string) []byte {
	return fmt.Appendf(dst, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weirbench\r\nAccept: */*\r\n\r\n", path, host)
}

// Path is the path of a request's head, without the query; empty if there is none.
func Path(head []byte) []byte {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	_, rest, _ := bytes.Cut(line, []byte(" "))
	target, _, _ := bytes.Cut(rest, []byte(" "))
	path, _, _ := bytes.Cut(target, []byte("?"))
	return path
}

// AppendAnswer appends the 101 that a request's head deserves (RFC 6455 section 4.2.2).
func AppendAnswer(dst, request []byte) ([]byte, error) {
	key, ok := Field(request, "Sec-WebSocket-Key")
	if !ok {
		return dst, errors.New("request without Sec-WebSocket-Key")
	}
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	return append(append(dst, Accept(key)...), "\r\n\r\n"...), nil
}

// CheckAnswer says why an answer's head is not the 101 that was asked for, if it is not.
func CheckAnswer(head []byte, accept string) error {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 101")) {
		return fmt.Errorf("upgrade refused: %.60q", line)
	}
	if got, _ := Field(head, "Sec-WebSocket-Accept"); string(got) != accept {
		return fmt.Errorf("upgrade answered with Sec-WebSocket-Accept %q, want %q", got, accept)
	}
	return nil
}

// Accept is the proof that belongs to a key (RFC 6455 section 4.2.2, item 5.4).
func Accept(key []byte) string {
	sum := sha1.Sum(append(key[:len(key):len(key)], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Field finds the first field of that name in a head.
func Field(head []byte, name string) (value []byte, ok bool) {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		field, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(field, []byte(name)) {
			return bytes.TrimSpace(value), true
		}
	}
	return nil, false
}
