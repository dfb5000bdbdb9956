package session

import (
	"math"
	"syscall"

	"weir/gateway/config"
	"weir/gateway/plan"
	"weir/netpoll"
)

const (
	// keptBack are descriptors for the admin listener, checks, look-ups, certificates and whatever else is read or asked.
	keptBack = 128
	// ownFiles are those of the process itself and of its loops, if there are few.
	ownFiles = 64
	// fewSessions is what nobody means who runs a gateway, though a limit of 1024 open files leaves room for no more.
	fewSessions = 1000
)

// openFiles is the limit of open files, which holds for each file table: the process has one, or each loop has. The soft limit
// is raised to the hard one by Go's runtime at start.
func openFiles() (limit int) {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil || uint64(files.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(files.Cur)
}

// filesRoom is how many descriptors of a file table clients and backends may take.
func (p *Process) filesRoom() int {
	perLoop := 3 + len(p.Start.Listen) + len(p.Start.TLSListen) // its poller, and what wakes it
	own := max(ownFiles, ownFiles/4+plan.Loops(p.Start)*perLoop)
	return max(2, openFiles()-keptBack-refusalFiles-own)
}

// maxConnections is the knob, or as many sessions as there is room for: with two sockets each, or one where all backends
// are pooled.
func (p *Process) maxConnections(cfg *config.Config, room, sockets int) int {
	given := cfg.MaxConnections
	room /= sockets
	if cfg.LoopFileTables {
		room *= plan.Loops(cfg)
	}
	room = min(room, math.MaxInt32-refusalRoom)
	const raise = "; raise it: LimitNOFILE= of systemd, ulimits of a container, ulimit -Hn of a shell"
	about := []any{"limit", openFiles(), "room", room, "sockets_per_session", sockets}
	switch {
	case given > room:
		p.Log.Warn("max-connections exceeds the limit of open files"+raise, append(about, "max_connections", given)...)
	case given == 0 && room < fewSessions:
		p.Log.Warn("the limit of open files allows few sessions"+raise, about...)
	}
	if given > 0 {
		return given
	}
	return room
}

// socketsOfLoop are those of a loop: it shares them with all others, unless it has a file table of its own. Nobody else opens
// files there, so that what is kept back elsewhere makes up for clients that the kernel spreads unevenly.
func (p *Process) socketsOfLoop() *netpoll.Sockets {
	if p.Start.LoopFileTables {
		return netpoll.NewSockets(p.filesRoom()+keptBack, nil)
	}
	return p.Sockets
}
