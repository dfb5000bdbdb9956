package gateway

import (
	"context"
	"log/slog"
	"time"

	"weir/gateway/config"
	"weir/gateway/logqueue"
	"weir/gateway/observe"
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

// closeLog writes what waits, if whoever reads takes it.
func (g *Gateway) closeLog() {
	if g.ownLines {
		g.lines.Close(logPatience)
	}
}

// logPatience is how long the end waits for whoever reads the log.
const logPatience = 2 * time.Second
