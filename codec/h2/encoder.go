package h2

import (
	"bytes"
	"strconv"

	"golang.org/x/net/http2/hpack"

	"weir/codec/http1"
)

// Encoder makes the header blocks that one side of a connection sends. It holds HPACK's table, which both sides change
// with every block, so what it made has to be sent, whole and in order. Owned by the connection's loop.
type Encoder struct {
	maxFrame int
	table    uint32 // size in use
	hpack    *hpack.Encoder
	block    bytes.Buffer
	name     []byte            // scratch: a name in lower case
	field    []byte            // scratch: a field that is not indexed
	known    map[string]string // names, and values of indexed fields, that were met before
}

// NewEncoder makes an Encoder for a peer with [DefaultSettings].
func NewEncoder() *Encoder {
	e := &Encoder{maxFrame: minMaxFrame, table: defaultTable, known: make(map[string]string)}
	e.hpack = hpack.NewEncoder(&e.block)
	return e
}

// Apply follows the peer's settings, at each [SettingsChanged]. Of a table only the first 4,096 bytes are used, and of
// one that was narrowed and widened again in one frame the narrowest width: RFC 7541 section 4.2 has the encoder pass
// by that in any case, and some decoders take no second size in one block.
func (e *Encoder) Apply(peer Settings) {
	e.maxFrame = int(peer.MaxFrameSize)
	if table := min(peer.leastTable, peer.HeaderTableSize, defaultTable); table != e.table {
		e.hpack.SetMaxDynamicTableSize(table)
		e.table = table
	}
}

// AppendConnect asks a server for a WebSocket on a new stream, which stays open (RFC 8441 section 4). fields come from
// http1's Rules.Forward: without those of HTTP/1.1 connections, without Host and the handshake's key and version.
func (e *Encoder) AppendConnect(dst []byte, stream uint32, scheme string, authority, path []byte, fields []http1.Field) []byte {
	e.block.Reset()
	e.put(":method", []byte("CONNECT"))
	e.put(":protocol", []byte("websocket"))
	e.put(":scheme", []byte(scheme))
	e.put(":path", path)
	e.put(":authority", authority)
	e.put("sec-websocket-version", []byte("13"))
	return e.finish(dst, stream, fields, false)
}

// AppendResponse answers a request. end says that no DATA follows.
func (e *Encoder) AppendResponse(dst []byte, stream uint32, status int, fields []http1.Field, end bool) []byte {
	e.block.Reset()
	e.put(":status", strconv.AppendInt(nil, int64(status), 10)) // first, as it is indexed: see put
	return e.finish(dst, stream, fields, end)
}

// put encodes one field. x/net's encoder does those that are indexed, and begins a block with a change of the table's
// size if there is one; so the first field of a block has to be one of them.
func (e *Encoder) put(name string, value []byte) {
	if !indexed[name] {
		e.literal(name, value)
		return
	}
	// A bytes.Buffer takes everything, so there is no error.
	_ = e.hpack.WriteField(hpack.HeaderField{Name: name, Value: e.intern(value)})
}

// literal encodes a field that is never indexed (RFC 7541 section 6.2.3), as it is: to look it up and to squeeze it by
// Huffman's code costs more than the bytes that would save.
func (e *Encoder) literal(name string, value []byte) {
	e.field = append(e.field[:0], 0x10)
	e.field = append(appendLength(e.field, len(name)), name...)
	e.field = append(appendLength(e.field, len(value)), value...)
	e.block.Write(e.field)
}

// appendLength adds a string's length as an integer with a prefix of 7 bits (RFC 7541 section 5.1).
func appendLength(dst []byte, n int) []byte {
	if n < 127 {
		return append(dst, byte(n))
	}
	dst = append(dst, 127)
	for n -= 127; n >= 128; n >>= 7 {
		dst = append(dst, byte(n)|128)
	}
	return append(dst, byte(n))
}

// finish encodes the fields, and adds the block in as many frames as the peer's MaxFrameSize makes of it.
func (e *Encoder) finish(dst []byte, stream uint32, fields []http1.Field, end bool) []byte {
	for i := range fields {
		e.name = appendLower(e.name[:0], fields[i].Name)
		e.put(e.intern(e.name), fields[i].Value)
	}
	h := Header{Type: TypeHeaders, Flags: Flags(bit(end)), Stream: stream}
	for {
		part := e.block.Next(e.maxFrame)
		h.Length = uint32(len(part))
		if e.block.Len() == 0 {
			h.Flags |= FlagEndHeaders
		}
		dst = append(AppendHeader(dst, h), part...)
		if h.Flags.Has(FlagEndHeaders) {
			return dst
		}
		h.Type, h.Flags = TypeContinuation, 0
	}
}

// maxKnown bounds the strings that an Encoder keeps for use again.
const maxKnown = 256

// intern gives b as a string that is made once, as long as there is room.
func (e *Encoder) intern(b []byte) string {
	s, ok := e.known[string(b)]
	if !ok {
		s = string(b)
		if len(e.known) < maxKnown {
			e.known[s] = s
		}
	}
	return s
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// indexed names the fields that go into HPACK's table: what many clients have in common and none keeps secret. Those
// who share a pool share the table and may not trust one another, so all other fields are marked never to be indexed, on
// later hops too (RFC 7541 section 7.1). Among those are :path, as queries hold tokens, and sec-websocket-protocol,
// as browsers' code puts tokens there for want of a better place.
var indexed = map[string]bool{
	":method": true, ":protocol": true, ":scheme": true, ":authority": true, ":status": true,
	"sec-websocket-version": true, "sec-websocket-extensions": true,
	"accept-encoding": true, "accept-language": true, "cache-control": true, "origin": true, "pragma": true,
	"user-agent": true, "via": true, "x-forwarded-host": true, "x-forwarded-proto": true,
	"content-type": true, "server": true,
}
