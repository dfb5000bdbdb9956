package h2

import (
	"slices"
	"strconv"

	"weir/codec/http1"
)

// Encoder makes the header blocks that one side of a connection sends. It holds HPACK's table, which both sides change
// with every block, so what it made has to be sent, whole and in order. Owned by the connection's loop.
type Encoder struct {
	maxFrame  int
	wanted    int // size of the table that the peer allows
	narrowest int // the smallest that it has allowed since the last block
	table     table
}

const staticPath = 4 // of :path in the static table

var connectMethod, webSocket, version13 = []byte("CONNECT"), []byte("websocket"), []byte("13")

// NewEncoder makes an Encoder for a peer with [DefaultSettings].
func NewEncoder() *Encoder {
	return &Encoder{maxFrame: minMaxFrame, wanted: defaultTable, narrowest: defaultTable, table: newTable()}
}

// Apply follows the peer's settings, at each [SettingsChanged]. Of a table only the first 4,096 bytes are used.
func (e *Encoder) Apply(peer Settings) {
	e.maxFrame = int(max(peer.MaxFrameSize, minMaxFrame))
	e.wanted = int(min(peer.HeaderTableSize, defaultTable))
	e.narrowest = min(e.narrowest, int(peer.leastTable), e.wanted)
}

// AppendConnect asks a server for a WebSocket on a new stream, which stays open (RFC 8441 section 4). fields come from
// http1's Rules.Forward: without those of HTTP/1.1 connections, without Host and the handshake's key and version.
func (e *Encoder) AppendConnect(dst []byte, stream uint32, scheme string, authority, path []byte, fields []http1.Field) []byte {
	dst, start := e.begin(dst)
	dst = e.table.append(dst, idMethod, connectMethod)
	dst = e.table.append(dst, idProtocol, webSocket)
	dst = e.table.append(dst, idScheme, []byte(scheme))
	dst = appendText(appendInt(dst, never, staticPath), path)
	dst = e.table.append(dst, idAuthority, authority)
	dst = e.table.append(dst, idVersion, version13)
	return e.finish(dst, start, fields, Header{Type: TypeHeaders, Stream: stream})
}

// AppendResponse answers a request. end says that no DATA follows.
func (e *Encoder) AppendResponse(dst []byte, stream uint32, status int, fields []http1.Field, end bool) []byte {
	dst, start := e.begin(dst)
	dst = e.table.append(dst, idStatus, strconv.AppendInt(make([]byte, 0, 20), int64(status), 10))
	return e.finish(dst, start, fields, Header{Type: TypeHeaders, Flags: Flags(bit(end)), Stream: stream})
}

// begin leaves room for a frame's header, and starts the block behind it with the table's size if that changes. A table
// that was narrowed and widened again first gets the narrowest size (RFC 7541 section 4.2), and the wider one with the
// next block, as some decoders take no second size in one.
func (e *Encoder) begin(dst []byte) (_ []byte, start int) {
	dst = append(dst, make([]byte, HeaderLen)...)
	start = len(dst)
	if e.narrowest != e.table.limit {
		e.table.resize(e.narrowest)
		dst = appendInt(dst, tableSize, e.narrowest)
	}
	e.narrowest = e.wanted
	return dst, start
}

// field encodes a field: first as one that is never indexed, and if the name turns out to be known that is taken back.
func (e *Encoder) field(dst []byte, f http1.Field) []byte {
	start := len(dst)
	dst = appendInt(appendInt(dst, never, 0), length, len(f.Name))
	at := len(dst)
	dst = appendLower(dst, f.Name)
	if id, ok := find(dst[at:]); ok {
		return e.table.append(dst[:start], id, f.Value)
	}
	return appendText(dst, f.Value)
}

// finish encodes the fields, and makes of the block from start on as many frames as the peer's MaxFrameSize demands.
func (e *Encoder) finish(dst []byte, start int, fields []http1.Field, h Header) []byte {
	for i := range fields {
		dst = e.field(dst, fields[i])
	}
	for {
		n := min(len(dst)-start, e.maxFrame)
		if start+n == len(dst) {
			h.Flags |= FlagEndHeaders
		}
		h.Length = uint32(n)
		AppendHeader(dst[:start-HeaderLen], h)
		if h.Flags.Has(FlagEndHeaders) {
			return dst
		}
		start += n + HeaderLen
		dst = slices.Insert(dst, start-HeaderLen, make([]byte, HeaderLen)...)
		h.Type, h.Flags = TypeContinuation, 0
	}
}
