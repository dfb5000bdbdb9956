//go:build linux

package main

import (
	"encoding/json"
	"os"

	"weir/bench"
)

// writeJSON puts v into the file at path, - being stdout; without a path it does nothing.
func writeJSON(path string, v any) error {
	if path == "" {
		return nil
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if b = append(b, '\n'); path == "-" {
		_, err = os.Stdout.Write(b)
		return err
	}
	return bench.WriteFile(path, b)
}
