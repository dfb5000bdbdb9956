package h2

import (
	"bytes"
	"strconv"
	"unsafe"

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
	e.put(":method", "CONNECT")
	e.put(":protocol", "websocket")
	e.put(":scheme", scheme)
	e.put(":path", e.text(":path", path))
	e.put(":authority", e.text(":authority", authority))
	e.put("sec-websocket-version", "13")
	return e.finish(dst, stream, fields, false)
}

// AppendResponse answers a request. end says that no DATA follows.
func (e *Encoder) AppendResponse(dst []byte, stream uint32, status int, fields []http1.Field, end bool) []byte {
	e.block.Reset()
	e.put(":status", strconv.Itoa(status))
	return e.finish(dst, stream, fields, end)
}

func (e *Encoder) put(name, value string) {
	// A bytes.Buffer takes everything, so there is no error.
	_ = e.hpack.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: !indexed[name]})
}

// finish encodes the fields, and adds the block in as many frames as the peer's MaxFrameSize makes of it.
func (e *Encoder) finish(dst []byte, stream uint32, fields []http1.Field, end bool) []byte {
	for i := range fields {
		e.name = appendLower(e.name[:0], fields[i].Name)
		name := e.intern(e.name)
		e.put(name, e.text(name, fields[i].Value))
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

// text gives the value of a field as a string. HPACK's table keeps those of indexed fields; all others are gone once
// they are encoded, so a view of b does.
func (e *Encoder) text(name string, b []byte) string {
	if indexed[name] {
		return e.intern(b)
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
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
