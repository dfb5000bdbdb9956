package h2

import "encoding/binary"

// Preface is what a client sends before its first frame (RFC 9113 section 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// AppendPreface adds what a client begins a connection with. It always forbids to push, as a Reader does. A server
// begins with [AppendSettings].
func AppendPreface(dst []byte, s Settings) []byte {
	s.EnablePush = false
	return AppendSettings(append(dst, Preface...), s)
}

// AppendSettingsAck answers a SETTINGS frame (RFC 9113 section 6.5.3).
func AppendSettingsAck(dst []byte) []byte {
	return AppendHeader(dst, Header{Type: TypeSettings, Flags: FlagAck})
}

// AppendDataHeader adds the header of a DATA frame whose n bytes of payload the caller puts behind it. n is at most the
// peer's MaxFrameSize, and counts against the windows of the stream and of the connection.
func AppendDataHeader(dst []byte, stream uint32, n int, end bool) []byte {
	return AppendHeader(dst, Header{Length: uint32(n), Type: TypeData, Flags: Flags(bit(end)), Stream: stream})
}

// AppendPing adds a PING (RFC 9113 section 6.7).
func AppendPing(dst []byte, data [8]byte) []byte { return appendPing(dst, 0, data[:]) }

// AppendPong answers a [Ping] with its payload.
func AppendPong(dst, payload []byte) []byte { return appendPing(dst, FlagAck, payload) }

func appendPing(dst []byte, f Flags, payload []byte) []byte {
	dst = AppendHeader(dst, Header{Length: 8, Type: TypePing, Flags: f})
	return append(dst, payload[:8]...)
}

// AppendReset ends a stream at once, both ways (RFC 9113 section 6.4).
func AppendReset(dst []byte, stream uint32, code ErrorCode) []byte {
	dst = AppendHeader(dst, Header{Length: 4, Type: TypeReset, Stream: stream})
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

// AppendGoAway says that no stream of the peer's above last was or will be acted on (RFC 9113 section 6.8). debug is
// for people and at most 16,376 bytes long.
func AppendGoAway(dst []byte, last uint32, code ErrorCode, debug string) []byte {
	dst = AppendHeader(dst, Header{Length: uint32(8 + len(debug)), Type: TypeGoAway})
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, debug...)
}

// AppendWindowUpdate lets the peer send n bytes more, on a stream or, as 0, on the connection; n is 1 to 2^31-1
// (RFC 9113 section 6.9).
func AppendWindowUpdate(dst []byte, stream, n uint32) []byte {
	dst = AppendHeader(dst, Header{Length: 4, Type: TypeWindowUpdate, Stream: stream})
	return binary.BigEndian.AppendUint32(dst, n)
}
