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
	g.lines, g.ownLines, g.proc.Log = lines, !given, slog.New(lines)
	if g.cfg.AccessLog != config.AccessOff && lines.Enabled(context.Background(), slog.LevelInfo) {
		g.proc.Access = observe.AccessLog{Lines: lines}
	}
}

// logPlain is for requests that asked for no WebSocket.
func (g *Gateway) logPlain(l web.Line) {
	if a := g.proc.Access; a.On() {
		a.Write(&observe.Line{Event: "http", Client: l.Client, Route: l.Route, Endpoint: l.Endpoint, Method: observe.Clipped(l.Method), Host: observe.Clipped(l.Host), Path: observe.Clipped(l.Path),
			User: l.User, RequestID: l.RequestID, Agent: observe.Short(l.UserAgent), Trace: observe.Short(l.TraceParent), Status: l.Status, Reason: l.Reason, Detail: l.Detail, Up: l.BytesUp, Down: l.BytesDown, Lasted: l.Duration})
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
