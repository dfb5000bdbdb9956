package main

import (
	"fmt"
	"os"
	"strings"

	"weir/gateway/config"
)

const (
	begin = "<!-- knobs:begin -->\n"
	end   = "<!-- knobs:end -->"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: readme FILE")
	}
	old, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the lines %q and %q", args[0], strings.TrimSpace(begin), end)
	}
	return os.WriteFile(args[0], []byte(before+begin+config.Markdown()+end+after), 0o644)
}
