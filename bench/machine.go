//go:build linux

package bench

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
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
	Versions map[string]string `json:"versions"` // of the peers' programs and Go
}

// ReadMachine asks /proc, uname and the programs themselves.
func ReadMachine() Machine {
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
	for name, argv := range peers.Versions() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err == nil {
			m.Versions[name] = version(string(out))
		}
		cancel()
	}
	return m
}

// version is the first word of a program's answer that holds a number with a dot.
func version(s string) string {
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \n/-", r) }) {
		word = strings.TrimPrefix(word, "v")
		if word != "" && word[0] >= '0' && word[0] <= '9' && strings.Contains(word, ".") {
			return word
		}
	}
	return "unknown"
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
