package netpoll

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// A tls.Conn keeps the buffer that it reads records into, which for an idle connection is the most part of its
// memory, and with large records many times the rest. The loop lends it one instead: put in before a read, and taken
// out again when nothing is left in it. The fields are not exported; where a version of Go has none of these names
// and types, the connection keeps its own buffers, and works as well.
var (
	rawInput = offsetOf[bytes.Buffer]("rawInput") // records read, not yet decrypted
	input    = offsetOf[bytes.Reader]("input")    // decrypted, not yet read: a part of rawInput's array
	hand     = offsetOf[bytes.Buffer]("hand")     // handshake messages

	lending = rawInput != 0 && input != 0 && hand != 0
)

// offsetOf is where a tls.Conn has the field, 0 if it has none of that name and type.
func offsetOf[T any](name string) uintptr {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[T]() {
		return 0
	}
	return f.Offset
}

func field[T any](c *tls.Conn, offset uintptr) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(c), offset))
}

// lend gives the connection the loop's buffer, with what it has of a record and all that came: to be asked for that
// would cost crypto/tls an allocation.
func (s *secure) lend() {
	if !lending {
		return
	}
	raw, loop := field[bytes.Buffer](s.tls, rawInput), &s.conn.loop.records
	loop.Reset()
	loop.Write(raw.Bytes())
	loop.Write(s.wire.rest)
	s.wire.rest = nil
	*raw, *loop = *loop, bytes.Buffer{}
}

// trim takes the buffer back, and leaves the connection with what is begun of a record and no more. Text that was not
// read, as some failures leave it, lies in the buffer: then the connection keeps it, or would read what comes for others.
func (s *secure) trim() {
	if !lending {
		return
	}
	text := field[bytes.Reader](s.tls, input)
	if text.Len() > 0 {
		return
	}
	text.Reset(nil)
	raw, loop := field[bytes.Buffer](s.tls, rawInput), &s.conn.loop.records
	*loop, *raw = *raw, bytes.Buffer{}
	if begun := loop.Bytes(); len(begun) > 0 {
		*raw = *bytes.NewBuffer(append([]byte(nil), begun...))
	}
	if h := field[bytes.Buffer](s.tls, hand); h.Len() == 0 {
		*h = bytes.Buffer{}
	}
}
