package main

import (
	"fmt"
	"os"
	"strings"

	"weir/gateway/config"
	"weir/gateway/observe"
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
	text := string(old)
	for mark, table := range map[string]string{"knobs": config.Markdown(), "metrics": observe.MetricsTable()} {
		begin, end := "<!-- "+mark+":begin -->\n", "<!-- "+mark+":end -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			return fmt.Errorf("%s lacks the lines %q and %q", args[0], strings.TrimSpace(begin), end)
		}
		text = before + begin + table + end + after
	}
	return os.WriteFile(args[0], []byte(text), 0o644)
}
