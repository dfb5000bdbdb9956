//go:build linux

package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"weir/bench/wire"
)

// Close codes that no frame carries (RFC 6455 section 7.4.1): a close frame without a code, and an
// end without a close frame.
const (
	CodeNone     = 1005
	CodeAbnormal = 1006
)

const codeNormal = 1000

// closing is a close frame that was not asked for.
type closing struct{ code int }

func (e *closing) Error() string {
	return fmt.Sprintf("the other side sent a close frame, code %d", e.code)
}

// closeCode is what the end of a connection says.
func closeCode(err error) int {
	var c *closing
	if errors.As(err, &c) {
		return c.code
	}
	return CodeAbnormal
}

// leave begins the close handshake. The other side's close frame, and then its end of the connection, are awaited.
func (c *conn) leave() {
	c.leaving = asked
	c.say(wire.Close, binary.BigEndian.AppendUint16(nil, codeNormal))
}

// dismissed takes the other side's close frame: the answer to ours, or one to answer.
func (c *conn) dismissed(payload []byte) {
	if c.leaving != staying {
		c.leaving = answered
		return
	}
	code := CodeNone
	if len(payload) >= 2 {
		code = int(binary.BigEndian.Uint16(payload))
	}
	c.leaving = asked // nothing may follow our close frame
	if c.say(wire.Close, payload[:min(len(payload), 2)]); c.state != open {
		return // it is gone already
	}
	// A reset would overtake the answer.
	syscall.SetsockoptLinger(c.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{})
	c.w.lose(c, FaultClosed, &closing{code})
}
