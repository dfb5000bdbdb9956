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
	rawInput = bufferField("rawInput") // records read, not yet decrypted
	hand     = bufferField("hand")     // handshake messages
)

// bufferField is the offset of a bytes.Buffer in a tls.Conn, 0 if there is none.
func bufferField(name string) uintptr {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[bytes.Buffer]() {
		return 0
	}
	return f.Offset
}

func bufferOf(c *tls.Conn, field uintptr) *bytes.Buffer {
	if field == 0 {
		return new(bytes.Buffer)
	}
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), field))
}

// lend gives the connection the loop's buffer to read into, with what it has of a record.
func (s *secure) lend() {
	raw, loop := bufferOf(s.tls, rawInput), &s.conn.loop.records
	loop.Reset()
	loop.Write(raw.Bytes())
	*raw, *loop = *loop, bytes.Buffer{}
}

// trim takes the buffer back, and leaves the connection with what is begun of a record and no more.
func (s *secure) trim() {
	raw, loop := bufferOf(s.tls, rawInput), &s.conn.loop.records
	*loop, *raw = *raw, bytes.Buffer{}
	if begun := loop.Bytes(); len(begun) > 0 {
		*raw = *bytes.NewBuffer(append([]byte(nil), begun...))
	}
	if h := bufferOf(s.tls, hand); h.Len() == 0 {
		*h = bytes.Buffer{}
	}
}
