// Package h2 reads and makes the HTTP/2 frames that carry WebSockets (RFC 9113, RFC 8441): many streams on one connection,
// each of them a session's bytes in DATA frames. It serves both sides, a client that pools and a server that accepts.
//
// The way of the data: a connection's loop reads its socket into one lent buffer and hands it to the connection's
// [Reader], which walks it to the next [Event]. DATA comes out in pieces as it lies in the buffer, never copied, never
// waited for; all other frames come out whole, and those cut in two are kept, within bounds, until they are.
// Header blocks are decoded with x/net's HPACK into one [Head] with the same fields that codec/http1 gives; a block that
// comes twice in a row, and leaves HPACK's table alone, is decoded once.
//
//	for len(b) > 0 {
//		ev, used := reader.Next(b)
//		b = b[used:]
//		switch ev.Kind {
//		case h2.Data:
//			// find ev.Stream, take ev.N of its window and the connection's, forward ev.Payload
//		case h2.Fault:
//			out = h2.AppendGoAway(out, lastStream, reader.Err().Code, reader.Err().Reason)
//		}
//	}
//
// The other way, frames are appended to the connection's pending bytes: [AppendDataHeader] in front of bytes that are
// passed on, an [Encoder] for header blocks, and one Append function for each of the others. The Encoder keeps HPACK's
// table itself, at 11 KiB a connection: x/net's takes four times as long for a handshake.
//
// What is checked here is what frames alone can show: sizes, the order of frames, settings, header lists, floods.
// Streams are the caller's: whether one is idle, open or closed, how many there may be, and its [Window]s,
// as well as the connection's. A peer is not trusted; what it breaks is an [Error] with a name, either a StreamFault
// or a Fault. A flood is told by a budget that DATA refills, and the caller's clock through [Reader.Refill].
//
// Who owns what: Reader, Encoder and Windows belong to one connection and with it to its loop; Settings, Limits and
// Errors are values. What an Event points to is lent until the next call of Next.
package h2
