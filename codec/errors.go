package codec

import "github.com/gobwas/ws"

// ProtocolError is the other side's fault: what it sent breaks a rule, and the connection that it came
// on has to end. A ProtocolError is a constant of the package that found the fault, never built per message.
type ProtocolError struct {
	Code   ws.StatusCode // the close code to end a session with (RFC 6455 section 7.4.1)
	Reason string        // the fault's one name: log field and metric label, in snake_case
	Text   string        // a sentence for people, naming the rule's section
}

func (e *ProtocolError) Error() string { return e.Text }
