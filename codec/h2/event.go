package h2

// Kind says what an [Event] is about.
type Kind uint8

const (
	None            Kind = iota // all of b was taken
	Data                        // Stream, Payload, N, End: a piece of a DATA frame as it arrived
	Headers                     // Stream, End: a whole header block, see [Reader.Head]
	SettingsChanged             // the peer's settings, see [Reader.Peer]; owes it a SETTINGS acknowledgement
	SettingsAck                 // our settings are in force
	Ping                        // Payload: 8 bytes that the peer wants back, see [AppendPong]
	Pong                        // Payload: 8 bytes, ours if we sent them
	GoAway                      // Stream: the last that the peer acted on or will; Code; Payload: debug data
	Reset                       // Stream, Code
	WindowUpdate                // Stream, 0 for the connection; N: the increment, 1 to 2^31-1
	StreamFault                 // Stream: reset it for what [Reader.Err] tells, the connection is sound
	Fault                       // final: the connection has to end, with GOAWAY for what [Reader.Err] tells
)

// Event is what [Reader.Next] found. Payload is lent until the next call, and while b is. The fields are as many as
// fit into registers: with two more, a DATA event cost a quarter more.
type Event struct {
	Kind    Kind
	End     bool // Data, Headers: the peer sends no more on this stream. In Data only on a frame's last piece
	Stream  uint32
	N       uint32 // Data: how much it takes of both windows; padding makes that more than Payload, which may be empty
	Code    ErrorCode
	Payload []byte
}
