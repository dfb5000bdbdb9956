//go:build linux

package bench

import (
	"context"
	"errors"
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
	Rounds    int        // but one of scenarios that are measured Once
	Progress  io.Writer  // told of each cell
}

// Cell is one scenario, peer and round.
type Cell struct {
	Scenario string `json:"scenario"`
	Peer     string `json:"peer"`
	Round    int    `json:"round"`
	Figures
	Err string `json:"error,omitempty"`
}

// job is a cell to be measured.
type job struct {
	scenario Scenario
	round    int // from 1
	rounds   int
	peer     peers.Peer
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
	jobs, notes := p.jobs(limit)
	if len(jobs) == 0 {
		return nil, errors.New("none of these peers takes part in any of these scenarios")
	}
	progress := newProgress(p.Progress, jobs)
	defer progress.finish()
	for _, note := range notes {
		progress.note(note)
	}
	var cells []Cell
	for _, j := range jobs {
		progress.start(j)
		backend, at := p.Backend, peers.Place{Files: limit, Settles: j.scenario.TLS || j.scenario.Kind == KindChurn}
		if j.peer.Pooled {
			backend = p.Pool
		}
		if j.scenario.TLS {
			at.Certificate = certificate
		}
		f, err := measureCell(ctx, j.scenario, j.peer, backend, at)
		if ctx.Err() != nil {
			return cells, ctx.Err()
		}
		cell := Cell{Scenario: j.scenario.Name, Peer: j.peer.Name, Round: j.round, Figures: f}
		if err != nil {
			cell.Err = err.Error()
		}
		cells = append(cells, cell)
		progress.end(j, &cell)
	}
	return cells, nil
}

// jobs are the cells in their order, and a note of each peer that cannot take part in a scenario.
func (p *Plan) jobs(limit uint64) (jobs []job, notes []string) {
	for _, s := range p.Scenarios {
		var able []peers.Peer
		for _, peer := range p.Peers {
			switch {
			case !peer.In(s.Name):
			case peer.Command == nil && s.Kind == KindDrain: // it has nothing to drain
			case peer.Pooled && s.Kind == KindHTTP: // its backend answers no plain requests
			case s.TLS && !peer.TLS:
				notes = append(notes, fmt.Sprintf("%s: %s is left out, it has no TLS here", s.Name, peer.Name))
			case !peer.Serves(s.Conns, limit):
				notes = append(notes, fmt.Sprintf("%s: %s is left out, %d clients are too many for a limit of %d open files", s.Name, peer.Name, s.Conns, limit))
			default:
				able = append(able, peer)
			}
		}
		rounds := p.Rounds
		if s.Once {
			rounds = 1
		}
		for round := range rounds {
			for _, peer := range able {
				jobs = append(jobs, job{s, round + 1, rounds, peer})
			}
		}
	}
	return jobs, notes
}

// measureCell starts a fresh backend and a fresh peer, so that no cell inherits memory,
// connections or ports from the one before.
func measureCell(ctx context.Context, s Scenario, peer, backend peers.Peer, at peers.Place) (Figures, error) {
	if err := peer.Missing(); err != nil {
		return Figures{}, err
	}
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
		subject = Subject{Pids: []int{front.Pid}, Settle: front.Settle, Second: second(peer, at)}
	}
	f, err := Measure(ctx, s, front.Target(), subject)
	if err != nil {
		lasting := []*peers.Process{server, front}
		if s.Kind == KindDrain { // which ends the other
			lasting = lasting[:1]
		}
		for _, p := range lasting {
			if dead := p.Ended(reaped); dead != nil {
				return f, dead
			}
		}
	}
	return f, err
}

// reaped is how soon a process that died is known to have.
const reaped = 50 * time.Millisecond

// line is a cell in a few words.
func (c *Cell) line(j job) string {
	head := fmt.Sprintf("%-17s %d/%d %-12s", c.Scenario, c.Round, j.rounds, c.Peer)
	if c.Err != "" {
		return head + " failed: " + c.Err
	}
	note := ""
	if c.Saturated {
		note = ", load saturated"
	}
	switch j.scenario.Kind {
	case KindIdle:
		return fmt.Sprintf("%s %8.0f B/client, CPU %.2f %%%s", head, c.RSSPerConn, 100*c.CPUShare, note)
	case KindDrain:
		return fmt.Sprintf("%s %d back in %.2f s, longest gap %.2f s, %d messages unechoed%s", head, c.Back, c.BackIn, c.Gap, c.Unechoed, note)
	case KindChurn:
		note = fmt.Sprintf(", RSS %.1f -> %.1f MB%s", c.RSSBefore/1e6, c.RSSAfter/1e6, note)
	case KindSlow:
		note = fmt.Sprintf(" (%.0f alone), %+.0f KB%s", c.P99Alone, c.RSSGrowth/1e3, note)
	}
	return fmt.Sprintf("%s %8.2f us CPU/op, %8.0f op/s, load busy %.0f %%, p99 %.0f us%s",
		head, c.CPUMicros, c.PerSecond, 100*c.LoadBusy, c.P99, note)
}
