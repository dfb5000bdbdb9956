//go:build linux

package bench

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"weir/bench/peers"
)

// Machine is where the figures were taken.
type Machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Kernel   string            `json:"kernel"`
	Versions map[string]string `json:"versions"` // of the peers' programs, Go and the weir that was measured
}

// ReadMachine asks /proc, uname and the programs themselves, among them the weir at that path.
func ReadMachine(gateway string) Machine {
	m := Machine{Cores: runtime.NumCPU(), CPU: runtime.GOARCH, Versions: map[string]string{"Go": runtime.Version()}}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(b) {
			if name, value, _ := bytes.Cut(line, []byte(":")); string(bytes.TrimSpace(name)) == "model name" {
				m.CPU = string(bytes.TrimSpace(value))
				break
			}
		}
	}
	var uts syscall.Utsname
	if syscall.Uname(&uts) == nil {
		m.Kernel = "Linux " + chars(uts.Release[:])
	}
	for name, argv := range peers.Versions(gateway) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err == nil {
			m.Versions[name] = version(string(out))
		}
		cancel()
	}
	return m
}

// version is the first word of a program's answer that holds a number with a dot. Of weir, which may be of no
// release, it is the release and the revision it was built from, if it knows that.
func version(s string) string {
	for line := range strings.Lines(s) {
		if own, ok := strings.CutPrefix(line, "weir "); ok {
			parts := strings.Split(strings.TrimSpace(own), ", ") // release, Go and platform, revision
			if len(parts) < 3 {
				return parts[0]
			}
			return fmt.Sprintf("%s (%.12s)", parts[0], parts[2])
		}
	}
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \n/-", r) }) {
		word = strings.TrimPrefix(word, "v")
		if word != "" && word[0] >= '0' && word[0] <= '9' && strings.Contains(word, ".") {
			return word
		}
	}
	return "unknown"
}

// Where is a sentence about the machine.
func (m Machine) Where() string {
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(m.Versions)) {
		versions = append(versions, name+" "+strings.TrimPrefix(m.Versions[name], "go"))
	}
	return fmt.Sprintf("%d x %s, %s; %s", m.Cores, m.CPU, m.Kernel, strings.Join(versions, ", "))
}

// measured is a sentence about when and where.
func (m Machine) measured(when time.Time) string {
	return fmt.Sprintf("Measured on %s: %s.", when.UTC().Format("2 January 2006"), m.Where())
}

// chars reads a C string, whose element is signed on some platforms and unsigned on others.
func chars[T int8 | uint8](s []T) string {
	var b strings.Builder
	for _, c := range s {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}
