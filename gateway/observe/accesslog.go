package observe

import (
	"log/slog"
	"net/netip"
	"time"

	"weir/gateway/logqueue"
)

// AccessLog writes a line when a session opens and one when it closes. The loop only copies what the line needs; it is
// formatted and written behind the queue of all log lines, which leaves lines out rather than make a loop wait.
// Query strings never get here: they may hold tokens.
type AccessLog struct {
	Lines *logqueue.Handler // nil: off
}

// Line is one line, with all it needs copied.
type Line struct {
	Event    string // "open", "move", "close", "refuse", or "http" for a plain request
	Client   netip.AddrPort
	Route    string
	Method   string // of a plain request
	Endpoint string
	Host     string // not at close
	Path     string // not at close
	User     string // who was let in, as far as anybody is told apart
	Agent    string
	Trace    string // traceparent

	RequestID string

	Origin   string // that a refusal is for
	Status   int    // of a refusal or a plain answer
	Reason   string
	Detail   string // of a refusal or a failure, for the operator alone
	Code     int
	MidFrame bool
	Rtt      uint16 // milliseconds, as in session
	Up, Down uint64
	Lasted   time.Duration
}

func (a AccessLog) On() bool { return a.Lines != nil }

func (a AccessLog) Write(l *Line) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, l.Event, 0)
	r.AddAttrs(slog.Any("", l)) // whose attributes are the line's
	a.Lines.HandleBulk(&r)
}

// LogValue is called when the line is written.
func (l *Line) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("client", l.Client.String())}
	switch l.Event {
	case "open":
		attrs = append(attrs, slog.String("endpoint", l.Endpoint), slog.String("host", l.Host), slog.String("path", l.Path),
			slog.String("route", l.Route), slog.Duration("handshake", l.Lasted))
	case "http":
		attrs = append(attrs, slog.String("endpoint", l.Endpoint), slog.String("method", l.Method), slog.String("host", l.Host),
			slog.String("path", l.Path), slog.String("route", l.Route), slog.Int("status", l.Status), slog.String("reason", l.Reason),
			slog.Uint64("bytes_up", l.Up), slog.Uint64("bytes_down", l.Down), slog.Duration("duration", l.Lasted))
		attrs = known(attrs, "detail", l.Detail)
	case "move":
		attrs = append(attrs, slog.String("endpoint", l.Endpoint), slog.String("route", l.Route), slog.String("reason", l.Reason), slog.Duration("duration", l.Lasted))
	case "close":
		attrs = append(attrs, slog.String("endpoint", l.Endpoint), slog.String("reason", l.Reason), slog.Int("code", l.Code),
			slog.Bool("mid_frame", l.MidFrame), slog.Uint64("bytes_up", l.Up), slog.Uint64("bytes_down", l.Down),
			slog.Duration("duration", l.Lasted))
		if l.Rtt > 0 {
			attrs = append(attrs, slog.Int("ping_rtt_ms", int(l.Rtt)))
		}
	default:
		attrs = append(attrs, slog.Int("status", l.Status), slog.String("reason", l.Reason))
		attrs = known(attrs, "host", l.Host, "path", l.Path, "route", l.Route, "endpoint", l.Endpoint, "origin", l.Origin, "detail", l.Detail)
	}
	return slog.GroupValue(known(attrs, "user", l.User, "request_id", l.RequestID, "traceparent", l.Trace, "user_agent", l.Agent)...)
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
