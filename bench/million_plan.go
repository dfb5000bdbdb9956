//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"weir/bench/proc"
	"weir/bench/swarm"
)

// Many is a plan to hold very many sockets in one weir, which is started together with a backend and
// the load.
type Many struct {
	Gateway string // path of weir
	Self    string // path of weirbench

	Conns     int
	Loops     int     // of weir; 0: one for each core or, if descriptors demand file tables, as many as those take
	Processes int     // of the load; 0: as descriptors demand
	Rate      float64 // connections to open a second

	Talkers     int     // clients that talk while the others are idle
	MessageRate float64 // messages a second and talker
	Size        int     // payload bytes

	Ping  time.Duration // between two pings of a silent client by weir; 0: none
	Idle  time.Duration // window in which all are idle
	Talk  time.Duration // window in which some talk
	Drain time.Duration // over which weir closes them

	Progress io.Writer // a line every few seconds
}

const (
	reserved      = 256 // descriptors of weir that no client gets
	spareFiles    = 64  // and of a load process
	perLoad       = 19_000
	perTable      = 0.84 // of a file table is planned for, as the kernel spreads clients unevenly over listeners
	perConnMemory = 13_500
	baseMemory    = 500_000_000
)

// room is what the machine offers.
type room struct {
	memory int64  // bytes
	files  uint64 // descriptors a process, or a thread with a table of its own, may open
	system uint64 // descriptors all processes together may yet open
}

func readRoom() (r room, err error) {
	if r.files, err = proc.RaiseFileLimit(); err != nil {
		return r, fmt.Errorf("limit of open files: %w", err)
	}
	if r.memory, err = proc.ReadAvailable(); err != nil {
		return r, err
	}
	b, err := os.ReadFile("/proc/sys/fs/file-nr")
	if err != nil {
		return r, err
	}
	var used, free, most uint64
	if _, err := fmt.Sscan(string(b), &used, &free, &most); err != nil {
		return r, fmt.Errorf("fs.file-nr is %q: %w", b, err)
	}
	r.system = most - min(most, used)
	return r, nil
}

// fit fills in what the plan leaves open. The error names everything the machine lacks, and what to do.
func (m *Many) fit(r room) (tables bool, err error) {
	tables = uint64(m.Conns)+reserved > r.files
	table := float64(r.files) * perTable
	if m.Loops == 0 {
		m.Loops = runtime.NumCPU()
		if tables {
			m.Loops = max(m.Loops, int(float64(m.Conns)/table)+1)
		}
	}
	each := min(perLoad, int(min(r.files, 1<<30))-spareFiles)
	if m.Processes == 0 {
		m.Processes = max((m.Conns+max(each, 1)-1)/max(each, 1), min(runtime.NumCPU(), m.Conns))
	}
	var errs []error
	lack := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if need := baseMemory + int64(m.Conns)*perConnMemory; r.memory < need {
		lack("%d connections need about %.1f GB of memory, both ends in the kernel among it; %.1f GB are available: close other programs or ask for fewer with --conns",
			m.Conns, float64(need)/1e9, float64(r.memory)/1e9)
	}
	if need := 2*uint64(m.Conns) + 10_000; r.system < need {
		lack("%d connections need %d open files, the system has %d left: raise fs.file-max (sysctl)", m.Conns, need, r.system)
	}
	if m.Processes > swarm.MaxProcesses || each < 1 {
		lack("%d load processes are needed, %d are possible: raise the limit of open files (ulimit -Hn), now %d", m.Processes, swarm.MaxProcesses, r.files)
	} else if share := (m.Conns + m.Processes - 1) / m.Processes; share > each {
		lack("%d connections in each load process are too many for a limit of %d open files: use --processes %d", share, r.files, (m.Conns+each-1)/each)
	}
	if most := float64(m.Loops) * table; tables && float64(m.Conns) > most {
		lack("%d connections do not fit the file tables of %d loops, %d open files each: use --loops %d", m.Conns, m.Loops, r.files, int(float64(m.Conns)/table)+1)
	}
	return tables, errors.Join(errs...)
}

// slowest is the least rate of opening, connections a second, that is put up with.
const slowest = 1500

// bound ends a measurement that takes far longer than it should.
func (m *Many) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	opening := time.Duration(float64(m.Conns) / min(m.Rate, slowest) * float64(time.Second))
	most := opening + m.Idle + m.Talk + m.Drain + 2*time.Minute
	return context.WithTimeoutCause(ctx, most, fmt.Errorf("not done within %s", most.Round(time.Second)))
}
