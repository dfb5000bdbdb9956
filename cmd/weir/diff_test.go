package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a reload with another file would change is told without a gateway, and what needs a restart.
func TestCheckDiff(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := file("one.yaml", "upstream: ws://10.0.0.1:1\nloops: 2\n")
	two := file("two.yaml", "upstream: ws://10.0.0.2:1\nloops: 3\nidle-timeout: 7s\n")
	exit, out, stderr := weir(nil, "check", "--config", one, "--diff", two)
	want := []string{"route default changed: upstream, idle-timeout", "backends added: ws://10.0.0.2:1", "backends removed: ws://10.0.0.1:1",
		"changed for the whole gateway: loops", "counts after a restart alone: loops"}
	if exit != exitOK || out != strings.Join(want, "\n")+"\n" {
		t.Errorf("%d, %s%s", exit, out, stderr)
	}
	if exit, out, _ := weir(nil, "check", "--config", one, "--diff", one); exit != exitOK || out != "The two say the same.\n" {
		t.Errorf("%d, %s", exit, out)
	}
	bad := file("bad.yaml", "upstraem: x\n")
	if exit, _, stderr := weir(nil, "check", "--config", one, "--diff", bad); exit != exitError || !strings.Contains(stderr, "bad.yaml:1: upstraem") {
		t.Errorf("%d, %s", exit, stderr)
	}
}
