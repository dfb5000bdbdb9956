//go:build linux

package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"weir/bench/peers"
	"weir/bench/proc"
)

// Plan is a comparison.
type Plan struct {
	Scenarios []Scenario
	Peers     []peers.Peer
	Backend   peers.Peer // of peers with a connection for each client
	Pool      peers.Peer // the backend of pooled ones
	Rounds    int
	Progress  io.Writer // one line for each cell
}

// Cell is one scenario, peer and round.
type Cell struct {
	Scenario string `json:"scenario"`
	Peer     string `json:"peer"`
	Round    int    `json:"round"`
	Figures
	Err string `json:"error,omitempty"`
}

// Compare measures every cell, peers taking turns. A peer that fails has a cell that says so. The
// error is the context's, and comes with the cells measured before it ended.
func Compare(ctx context.Context, p Plan) ([]Cell, error) {
	limit, err := proc.RaiseFileLimit()
	if err != nil {
		return nil, fmt.Errorf("limit of open files: %w", err)
	}
	certificate, err := peers.NewCertificate()
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	var cells []Cell
	for _, s := range p.Scenarios {
		for round := range p.Rounds {
			for _, peer := range p.Peers {
				if peer.Only != "" && peer.Only != s.Name {
					continue
				}
				if s.TLS && !peer.TLS {
					fmt.Fprintf(p.Progress, "%-17s %-12s left out: it has no TLS\n", s.Name, peer.Name)
					continue
				}
				if !peer.Serves(s.Conns, limit) {
					fmt.Fprintf(p.Progress, "%-17s %-12s left out: %d clients are too many for a limit of %d open files\n", s.Name, peer.Name, s.Conns, limit)
					continue
				}
				backend := p.Backend
				if peer.Pooled {
					backend = p.Pool
				}
				at := peers.Place{Files: limit}
				if s.TLS {
					at.Certificate = certificate
				}
				f, err := measureCell(ctx, s, peer, backend, at)
				if ctx.Err() != nil {
					return cells, ctx.Err()
				}
				cell := Cell{Scenario: s.Name, Peer: peer.Name, Round: round + 1, Figures: f}
				if err != nil {
					cell.Err = err.Error()
				}
				cells = append(cells, cell)
				fmt.Fprintln(p.Progress, cell.line(s, p.Rounds))
			}
		}
	}
	return cells, nil
}

// measureCell starts a fresh backend and a fresh peer, so that no cell inherits memory,
// connections or ports from the one before.
func measureCell(ctx context.Context, s Scenario, peer, backend peers.Peer, at peers.Place) (Figures, error) {
	server, err := peers.Start(ctx, backend, peers.Place{Files: at.Files})
	if err != nil {
		return Figures{}, fmt.Errorf("%s: %w", backend.Name, err)
	}
	defer server.Stop()
	front, subject := server, Subject{}
	if peer.Command != nil {
		at.Backend = server.Addr()
		if front, err = peers.Start(ctx, peer, at); err != nil {
			return Figures{}, fmt.Errorf("%s: %w", peer.Name, err)
		}
		defer front.Stop()
		subject = Subject{Pids: []int{front.Pid}, Settle: front.Settle}
	}
	f, err := Measure(ctx, s, front.Target(), subject)
	if err != nil {
		time.Sleep(50 * time.Millisecond) // a process that died is reaped
		for _, p := range []*peers.Process{front, server} {
			if dead := p.Alive(); dead != nil {
				return f, dead
			}
		}
	}
	return f, err
}

func (c *Cell) line(s Scenario, rounds int) string {
	head := fmt.Sprintf("%-17s %d/%d %-12s", s.Name, c.Round, rounds, c.Peer)
	if c.Err != "" {
		return head + " failed: " + c.Err
	}
	note := ""
	if c.Saturated {
		note = ", load saturated"
	}
	if s.Kind == KindIdle {
		return fmt.Sprintf("%s %8.0f B/client, CPU %.2f %%%s", head, c.RSSPerConn, 100*c.CPUShare, note)
	}
	if s.Kind == KindSlow {
		note = fmt.Sprintf(" (%.0f alone), %+.0f KB%s", c.P99Alone, c.RSSGrowth/1e3, note)
	}
	return fmt.Sprintf("%s %8.2f us CPU/op, %8.0f op/s, load busy %.0f %%, p99 %.0f us%s",
		head, c.CPUMicros, c.PerSecond, 100*c.LoadBusy, c.P99, note)
}
