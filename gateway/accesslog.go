package gateway

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"weir/gateway/config"
	"weir/gateway/logqueue"
	"weir/gateway/web"
)

// accessLog writes a line when a session opens and one when it closes. The loop only copies what the line needs; it is
// formatted and written behind the queue of all log lines, which leaves lines out rather than make a loop wait.
// Query strings never get here: they may hold tokens.
type accessLog struct {
	lines *logqueue.Handler // nil: off
}

// accessLine is one line, with all it needs copied.
type accessLine struct {
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

func newAccessLog(cfg *config.Config, lines *logqueue.Handler) accessLog {
	if cfg.AccessLog == config.AccessOff || !lines.Enabled(context.Background(), slog.LevelInfo) {
		return accessLog{}
	}
	return accessLog{lines}
}

func (a accessLog) on() bool { return a.lines != nil }

func (a accessLog) add(l *accessLine) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, l.event, 0)
	r.AddAttrs(slog.Any("", l)) // whose attributes are the line's
	a.lines.HandleBulk(&r)
}

// asked copies what the lines of a session tell of its request, whose bytes are gone by the answer.
func (a accessLog) asked(h *handshake, requestID string) {
	if a.on() {
		h.host, h.path = clipped(h.request.Host), clipped(h.request.Path)
		h.agent, h.trace, h.requestID = short(h.request.Get("user-agent")), short(h.request.Get("traceparent")), strings.Clone(requestID)
	}
}

// longest is how much is told of what a client may make as long as a head can be.
const longest = 1024

func clipped[T string | []byte](text T) string {
	if len(text) > longest {
		return string(text[:longest]) + "..."
	}
	return string(text)
}

// short is the beginning of what is never so long where nobody plays tricks.
func short[T string | []byte](text T) string { return string(text[:min(len(text), 256)]) }

func (a accessLog) opened(s *session) {
	if a.on() {
		a.add(&accessLine{event: "open", client: s.from(), route: s.lane.route.name, endpoint: s.endpoint().Name, host: s.hs.host, path: s.hs.path,
			user: s.user(), requestID: s.hs.requestID, agent: s.hs.agent, trace: s.hs.trace, lasted: s.loop().Now() - s.opened})
	}
}

func (a accessLog) closed(s *session, e *ending) {
	if a.on() {
		a.add(&accessLine{event: "close", client: s.from(), endpoint: s.endpoint().Name, user: s.user(), reason: e.reason, code: int(e.code),
			midFrame: e.midFrame, rtt: s.rtt, up: s.up.bytes, down: s.down.bytes, lasted: s.loop().Now() - s.opened})
	}
}

func (a accessLog) refused(s *session, status int, reason string) {
	if !a.on() {
		return
	}
	l := &accessLine{event: "refuse", client: s.from(), user: s.user(), status: status, reason: reason}
	if r := s.lane.route; r != nil {
		l.route = r.name
	}
	if h := s.hs; h != nil {
		l.host, l.path, l.origin, l.detail = h.host, h.path, h.origin, h.detail
		l.requestID, l.agent, l.trace = h.requestID, h.agent, h.trace
		if h.to != nil {
			l.route = h.to.name
		}
		if e := h.trail.Endpoint; e != nil {
			l.endpoint, l.detail = e.Name, h.trail.Reason
		}
	}
	a.add(l)
}

// plain is for requests that asked for no WebSocket.
func (a accessLog) plain(l web.Line) {
	if a.on() {
		a.add(&accessLine{event: "http", client: l.Client, route: l.Route, endpoint: l.Endpoint, method: clipped(l.Method), host: clipped(l.Host), path: clipped(l.Path),
			user: l.User, requestID: l.RequestID, agent: short(l.UserAgent), trace: short(l.TraceParent), status: l.Status, reason: l.Reason, detail: l.Detail, up: l.BytesUp, down: l.BytesDown, lasted: l.Duration})
	}
}

// LogValue is called when the line is written.
func (l *accessLine) LogValue() slog.Value {
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

// queueLog has all lines go through one queue: the one before log, or a new one.
func (g *Gateway) queueLog(log *slog.Logger) {
	lines, given := log.Handler().(*logqueue.Handler)
	if !given {
		lines = logqueue.New(log.Handler(), logqueue.Room)
	}
	g.lines, g.ownLines, g.log = lines, !given, slog.New(lines)
	g.access = newAccessLog(g.cfg, lines)
}

// user is who was let in; "": nobody is told apart.
func (s *session) user() string {
	if s.more == nil || s.more.who == nil {
		return ""
	}
	return s.more.who.Subject
}

// newRequestID names a request that came without a name. It is told apart from others, not kept secret.
func newRequestID() string {
	var id requestID
	id.fill()
	return string(id[:])
}

// requestID is such a name.
type requestID [32]byte

func (id *requestID) fill() {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	hex.Encode(id[:], b[:])
}

// closeLog writes what waits, if whoever reads takes it.
func (g *Gateway) closeLog() {
	if g.ownLines {
		g.lines.Close(logPatience)
	}
}

// logPatience is how long the end waits for whoever reads the log.
const logPatience = 2 * time.Second
