package gateway

import (
	"context"
	"log/slog"
	"time"

	"weir/gateway/config"
	"weir/gateway/logqueue"
	"weir/gateway/observe"
	"weir/gateway/web"
)

// queueLog has all lines go through one queue: the one before log, or a new one.
func (g *Gateway) queueLog(log *slog.Logger) {
	lines, given := log.Handler().(*logqueue.Handler)
	if !given {
		lines = logqueue.New(log.Handler(), logqueue.Room)
	}
	g.lines, g.ownLines, g.proc.log = lines, !given, slog.New(lines)
	if g.cfg.AccessLog != config.AccessOff && lines.Enabled(context.Background(), slog.LevelInfo) {
		g.proc.access = accessLog{lines}
	}
}

// logPlain is for requests that asked for no WebSocket.
func (g *Gateway) logPlain(l web.Line) {
	if a := g.proc.access; a.on() {
		a.write(&line{event: "http", client: l.Client, route: l.Route, endpoint: l.Endpoint, method: observe.Clipped(l.Method), host: observe.Clipped(l.Host), path: observe.Clipped(l.Path),
			user: l.User, requestID: l.RequestID, agent: observe.Short(l.UserAgent), trace: observe.Short(l.TraceParent), status: l.Status, reason: l.Reason, detail: l.Detail, up: l.BytesUp, down: l.BytesDown, lasted: l.Duration})
	}
}

// closeLog writes what waits, if whoever reads takes it.
func (g *Gateway) closeLog() {
	if g.ownLines {
		g.lines.Close(logPatience)
	}
}

// logPatience is how long the end waits for whoever reads the log.
const logPatience = 2 * time.Second
