package h2

import "encoding/binary"

// HeaderLen is the length of a frame's header in bytes (RFC 9113 section 4.1).
const HeaderLen = 9

const streamMask = 1<<31 - 1 // the top bit of a stream number or an increment is reserved

// Type is a frame's type (RFC 9113 section 6).
type Type uint8

const (
	TypeData Type = iota
	TypeHeaders
	TypePriority
	TypeReset
	TypeSettings
	TypePushPromise
	TypePing
	TypeGoAway
	TypeWindowUpdate
	TypeContinuation
)

// Flags are a frame's flags; which of them count depends on its type.
type Flags uint8

const (
	FlagAck        Flags = 0x1 // SETTINGS, PING
	FlagEndStream  Flags = 0x1 // DATA, HEADERS
	FlagEndHeaders Flags = 0x4 // HEADERS, CONTINUATION
	FlagPadded     Flags = 0x8 // DATA, HEADERS
	FlagPriority   Flags = 0x20
)

// Has tells whether all of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Header is what a frame begins with.
type Header struct {
	Length uint32 // bytes of payload, padding included; 24 bits
	Type   Type
	Flags  Flags
	Stream uint32 // 0 is the connection; 31 bits
}

// ParseHeader reads the header that b begins with. n is HeaderLen, or 0 if b holds only a part of it.
func ParseHeader(b []byte) (h Header, n int) {
	if len(b) < HeaderLen {
		return h, 0
	}
	start := binary.BigEndian.Uint64(b) // length, type, flags and three bytes of the stream
	return Header{
		Length: uint32(start >> 40),
		Type:   Type(start >> 32),
		Flags:  Flags(start >> 24),
		Stream: binary.BigEndian.Uint32(b[5:]) & streamMask,
	}, HeaderLen
}

// AppendHeader adds a frame's header. Length and Stream must fit their 24 and 31 bits.
func AppendHeader(dst []byte, h Header) []byte {
	return append(dst,
		byte(h.Length>>16), byte(h.Length>>8), byte(h.Length), byte(h.Type), byte(h.Flags),
		byte(h.Stream>>24), byte(h.Stream>>16), byte(h.Stream>>8), byte(h.Stream))
}
