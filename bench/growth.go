//go:build linux

package bench

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Grown is how cost grows with connections, point by point.
type Grown struct {
	When    time.Time `json:"when"`
	Machine Machine   `json:"machine"`
	Points  []Growth  `json:"points"`
}

// Growth is what one number of connections costs weir: the handshakes, the memory, the idleness, and
// the talk of some among them.
type Growth struct {
	Conns      int  `json:"conns"` // asked for
	Loops      int  `json:"loops"`
	FileTables bool `json:"file_tables"` // each loop with a table of its own
	Processes  int  `json:"load_processes"`

	Held            int     `json:"held"`   // once all handshakes had ended
	Failed          int     `json:"failed"` // of those asked for: never opened, or lost before the drain
	OpenSeconds     float64 `json:"open_seconds"`
	HandshakeMicros float64 `json:"handshake_us"` // of weir's CPU
	IdleShare       float64 `json:"idle_cpu_share"`
	BackendRSS      float64 `json:"backend_rss_bytes_per_conn"`
	LoadRSS         float64 `json:"load_rss_bytes_per_conn"` // all of the load's

	Talkers     int     `json:"talkers"`
	MessageRate float64 `json:"messages_per_second_and_talker"`
	Figures             // memory of all connections; latency and CPU of the talk

	Err string `json:"error,omitempty"`
}

// GrowthPoints are numbers of connections and loops, in the order they are measured.
func GrowthPoints(conns, loops []int) []Growth {
	var points []Growth
	for _, n := range conns {
		for _, l := range loops {
			points = append(points, Growth{Conns: n, Loops: l})
		}
	}
	return points
}

// Grow measures each point with a fresh weir. A point whose loops have not enough descriptors gets as many loops as
// it takes, once for all that would. One that fails says so and does not stop the others; the error is the
// context's, and of what failed.
func Grow(ctx context.Context, plan Many, points []Growth) (Grown, error) {
	done := Grown{When: time.Now(), Machine: ReadMachine(plan.Gateway)}
	r, err := readRoom()
	if err != nil {
		return done, err
	}
	var errs []error
	for _, at := range points {
		m := plan
		m.Conns, m.Loops, m.Talkers = at.Conns, at.Loops, min(plan.Talkers, at.Conns)
		m.MessageRate = plan.MessageRate * float64(plan.Talkers) / float64(m.Talkers) // the same work at all points
		if m.crowded(r) {
			m.Loops = 0
		}
		_, _ = m.fit(r) // chooses the loops; what does not fit, raise tells
		if slices.ContainsFunc(done.Points, func(g Growth) bool { return g.Conns == m.Conns && g.Loops == m.Loops }) {
			continue
		}
		g := Growth{Conns: m.Conns, Loops: m.Loops}
		err := on(ctx, m, g.measure)
		if ctx.Err() != nil {
			return done, ctx.Err()
		}
		if err != nil {
			g.Err = err.Error()
			errs = append(errs, err)
		}
		done.Points = append(done.Points, g)
	}
	return done, errors.Join(errs...)
}

// crowded reports that the loops asked for cannot hold the connections.
func (m *Many) crowded(r room) bool {
	return uint64(m.Conns)+reserved > r.files && float64(m.Conns) > float64(m.Loops)*float64(r.files)*perTable
}

func (g *Growth) measure(ctx context.Context, s *stage) error {
	if err := s.open(ctx, g); err != nil {
		return err
	}
	if _, err := s.idle(ctx, g); err != nil {
		return err
	}
	return s.talk(ctx, g)
}
