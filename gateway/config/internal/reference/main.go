package main

import (
	"fmt"
	"os"
	"path/filepath"

	"weir/gateway/config"
	"weir/gateway/observe"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: reference FOLDER")
	}
	for name, text := range map[string]string{
		"knobs.md": config.KnobsPage(), "metrics.md": observe.MetricsPage(), "reasons.md": observe.ReasonsPage(), "logs.md": observe.LogsPage(),
	} {
		if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
