// Package json tells whether a message is one JSON text (RFC 8259), as it arrives and without building anything.
//
//	for each piece of the message: err := checker.Write(piece)
//	at its end:                    err = checker.Close()
//	before the next:               checker.Reset()
//
// How the message was cut into pieces changes nothing of what is found, nor where. A byte costs one look into a table of
// states; the inside of strings is walked by eight.
//
// The grammar is exact: no NaN, no comments, no trailing commas, no control characters in strings, no byte order mark.
// Any value may stand alone (section 2). What it does not look at: whether strings are UTF-8, which frame.Rules does for
// all text messages; whether \u escapes make pairs, and whether names repeat, as the RFC leaves both to the receiver
// (sections 8.2 and 4).
//
// A Checker is 88 bytes, belongs to one direction of one session, keeps none of what it was given, and is bounded by
// [MaxDepth].
package json
