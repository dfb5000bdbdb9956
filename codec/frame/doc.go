// Package frame walks RFC 6455 section 5 frames in byte streams that are forwarded, not re-encoded.
//
// The way of the data: a session has one [Scanner] for each direction and hands it every slice it has
// read, as it lies in the loop's buffer. The Scanner walks the headers, checks them against the
// direction's [Rules], adds to the loop's [Counts], and answers how many bytes may be passed on. Payload
// goes on as it arrives, half a frame too; it is neither copied nor unmasked, and looked at only for
// [Rules.ValidateUTF8].
//
// With [Rules.Announce] it stops before a data message, for the caller to decide: [Scanner.Admit] passes the message or
// sets it aside, so that its payload is the caller's alone.
//
// Nothing half-validated is passed on. A header that is not yet whole stays inside the Scanner, and so
// do a close frame's code until it is checked and, while [Scanner.ExpectPong] is on, a pong until it is
// known whose it is: at most 14 bytes. What was kept comes out through [Scanner.Held] as soon as it
// proves good. How the stream was cut into slices changes nothing of what is passed on, counted or refused.
//
// A caller's loop:
//
//	for {
//		pass, used, ev := scanner.Scan(b, &rules, &counts)
//		forward(scanner.Held())
//		forward(b[:pass])
//		switch ev {
//		case frame.None, frame.Ended, frame.Violation:
//			return ev
//		}
//		// act on Boundary, Close or Pong
//		b = b[used:] // and scan on, even if this is empty: an event may wait at its end
//	}
//
// Who owns what: a Scanner belongs to one direction of one session, and with it to the session's loop;
// Counts belong to the loop; Rules never change and are shared by all. Slices given to Scan are not kept.
//
// Frames of the gateway's own (closes, pings) are made with [AppendClose], [AppendPing] and
// [AppendFrame], and go in between where [Scanner.AtBoundary] says so.
package frame
