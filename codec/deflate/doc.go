// Package deflate is permessage-deflate (RFC 7692) as the server of a WebSocket: it settles the extension with a client,
// inflates what the client sends, and deflates what goes to it.
//
// The way of the data:
//
//	Sec-WebSocket-Extensions -> ParseOffers -> Accept -> Params -> AppendResponse
//	payload of a message with RSV1, unmasked -> Inflater.Append -> the message
//	a message, or a part of one              -> Deflater.Append -> payload of a frame, RSV1 on the message's first
//
// No message refers to an earlier one: every response asks for server_no_context_takeover and
// client_no_context_takeover, which a server may whatever was offered (sections 7.1.1.1 and 7.1.1.2). Otherwise each
// session would have to keep a window of 32 KiB for each direction. So an idle client owns nothing here but its Params.
//
// Who owns what: a Deflater (about 1 MiB, and as much for each smaller window that clients ask for and messages exceed:
// at most 8 MiB) and an Inflater (at most some 100 KiB) belong to one loop and serve all its sessions. They are between
// messages whenever a call has returned, keep none of the bytes they were given, and allocate nothing once they have
// seen a few messages.
//
// A message that comes in pieces: the Deflater takes it piece by piece, as each one's output is whole blocks. The
// Inflater takes it whole, as it cannot be left halfway through a block for another session's message. The session
// gathers the compressed bytes meanwhile; the wire's limit (frame.Rules.MaxMessage) bounds them. It also bounds how long
// a loop is held by payload that yields nothing: at worst, code tables alone, a byte costs some 130 ns, and so a MiB
// 0.14 s.
//
// What is not worth it: below some 250 bytes the output is often no shorter than the message. The caller compares the
// two and may send any message as it is, without RSV1 (section 6).
package deflate
