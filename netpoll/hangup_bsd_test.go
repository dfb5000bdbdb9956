//go:build darwin || freebsd

package netpoll

import gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"

// kqueue tells of a hang-up in the flags of an event, and of one direction at a time.
const (
	in, out      = gnetpoll.ReadEvents, gnetpoll.WriteEvents
	hangUpEvents = 0
)
