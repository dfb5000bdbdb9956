package accept

import (
	"time"

	"weir/codec/h2"
)

// Options shape a [Listener]. The zero value of each field stands for its default.
type Options struct {
	MaxStreams    int // sessions on one connection at a time; default 10,000
	Window        int // bytes of a session that wait to be read, 65,535 and up; default 65,535
	MaxHeaderSize int // bytes of a request's header list, as RFC 9113 section 6.5.2 counts; default 16 KiB
	MaxFields     int // fields of it; default 100
	Backlog       int // sessions that wait for Accept, over all connections; default 4,096. Further ones are refused
}

const (
	connWindow = 16 << 20  // bytes in flight on a connection; credited on receipt, so it never holds anybody up
	maxFrame   = 16 << 10  // bytes of a DATA frame, either way: the least that a peer may allow
	maxPending = 256 << 10 // bytes appended and not sent, past which writers wait
	maxControl = 1 << 20   // bytes past which a peer that makes us answer and does not read is given up
	flood      = 1 << 16   // frames without progress in a second: a storm of handshakes costs one each

	greetTimeout = 10 * time.Second // from the connection to the peer's SETTINGS
	sendTimeout  = 30 * time.Second // for one write of pending bytes to the peer
	linger       = 5 * time.Second  // from our end of a stream to the peer's
	lastRead     = time.Second      // from our end of a connection to the peer's
)

func (o Options) withDefaults() Options {
	o.MaxStreams = orDefault(o.MaxStreams, 10_000)
	o.Window = max(o.Window, h2.InitialWindow) // a peer may use that much before it has our SETTINGS
	o.MaxHeaderSize = orDefault(o.MaxHeaderSize, 16<<10)
	o.MaxFields = orDefault(o.MaxFields, 100)
	o.Backlog = orDefault(o.Backlog, 4096)
	return o
}

func orDefault(n, standard int) int {
	if n <= 0 {
		return standard
	}
	return n
}

func (o *Options) settings() h2.Settings {
	s := h2.DefaultSettings()
	s.EnableConnect = true
	s.MaxConcurrentStreams = uint32(o.MaxStreams)
	s.InitialWindowSize = uint32(o.Window)
	s.MaxFrameSize = maxFrame
	s.MaxHeaderListSize = uint32(o.MaxHeaderSize)
	return s
}

func (o *Options) limits() h2.Limits {
	l := h2.DefaultLimits()
	l.Fields, l.Flood = o.MaxFields, flood
	return l
}
