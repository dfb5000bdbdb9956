package gateway

import (
	"log/slog"
	"net/netip"
	"time"

	"weir/gateway/logqueue"
)

// accessLog writes a line when a session opens and one when it closes. The loop only copies what the line needs; it is
// formatted and written behind the queue of all log lines, which leaves lines out rather than make a loop wait.
// Query strings never get here: they may hold tokens.
type accessLog struct {
	lines *logqueue.Handler // nil: off
}

// accessLine is one line, with all it needs copied.
type line struct {
	event    string // "open", "close", "refuse", or "http" for a plain request
	client   netip.AddrPort
	route    string
	method   string // of a plain request
	endpoint string
	host     string // not at close
	path     string // not at close
	user     string // who was let in, as far as anybody is told apart
	agent    string
	trace    string // traceparent

	requestID string

	origin   string // that a refusal is for
	status   int    // of a refusal or a plain answer
	reason   string
	detail   string // of a refusal or a failure, for the operator alone
	code     int
	midFrame bool
	rtt      uint16 // milliseconds, as in session
	up, down uint64
	lasted   time.Duration
}

func (a accessLog) on() bool { return a.lines != nil }

func (a accessLog) write(l *line) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, l.event, 0)
	r.AddAttrs(slog.Any("", l)) // whose attributes are the line's
	a.lines.HandleBulk(&r)
}

// LogValue is called when the line is written.
func (l *line) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("client", l.client.String())}
	switch l.event {
	case "open":
		attrs = append(attrs, slog.String("endpoint", l.endpoint), slog.String("host", l.host), slog.String("path", l.path),
			slog.String("route", l.route), slog.Duration("handshake", l.lasted))
	case "http":
		attrs = append(attrs, slog.String("endpoint", l.endpoint), slog.String("method", l.method), slog.String("host", l.host),
			slog.String("path", l.path), slog.String("route", l.route), slog.Int("status", l.status), slog.String("reason", l.reason),
			slog.Uint64("bytes_up", l.up), slog.Uint64("bytes_down", l.down), slog.Duration("duration", l.lasted))
		attrs = known(attrs, "detail", l.detail)
	case "close":
		attrs = append(attrs, slog.String("endpoint", l.endpoint), slog.String("reason", l.reason), slog.Int("code", l.code),
			slog.Bool("mid_frame", l.midFrame), slog.Uint64("bytes_up", l.up), slog.Uint64("bytes_down", l.down),
			slog.Duration("duration", l.lasted))
		if l.rtt > 0 {
			attrs = append(attrs, slog.Int("ping_rtt_ms", int(l.rtt)))
		}
	default:
		attrs = append(attrs, slog.Int("status", l.status), slog.String("reason", l.reason))
		attrs = known(attrs, "host", l.host, "path", l.path, "route", l.route, "endpoint", l.endpoint, "origin", l.origin, "detail", l.detail)
	}
	return slog.GroupValue(known(attrs, "user", l.user, "request_id", l.requestID, "traceparent", l.trace, "user_agent", l.agent)...)
}

// known adds what there is of these names and values.
func known(attrs []slog.Attr, pairs ...string) []slog.Attr {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			attrs = append(attrs, slog.String(pairs[i], pairs[i+1]))
		}
	}
	return attrs
}
