package gateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/gateway"
	"weir/gateway/config"
)

// watching is a gateway that looks at its file every few milliseconds.
type watching struct {
	*rig
	path string
	logs logs
}

const watchedText = "admin: 127.0.0.1:0\nlisten: 127.0.0.1:0\nloops: 1\nhealth-interval: 0\ndrain-timeout: 300ms\naccess-log: off\nupstream: ws://127.0.0.1:9\n"

// startWatching begins with what the file at path says.
func startWatching(t *testing.T, path string) *watching {
	t.Helper()
	w := &watching{path: path}
	load := func() (*config.Config, error) {
		cfg, err := config.Load([]string{"--config", path}, nil)
		if err != nil {
			return nil, err
		}
		return cfg.With(func(c *config.Config) { c.ConfigWatch = 20 * time.Millisecond }), nil
	}
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	w.rig = run(t, &w.logs, cfg, gateway.OnReload(load, nil))
	return w
}

// put has the file say something else, at once.
func putFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// generation waits until configuration n is in force.
func (w *watching) generation(n int) {
	w.t.Helper()
	wantMetric(w.t, w.rig, "weir_config_generation", float64(n))
}

// A changed file is taken; one that is wrong changes nothing and is told of with its line; a later one that is right is taken.
func TestConfigWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "weir.yaml")
	putFile(t, path, watchedText)
	w := startWatching(t, path)
	putFile(t, path, watchedText+"idle-timeout: 5m\n")
	w.generation(2)
	putFile(t, path, watchedText+"idle-timeout: never\n")
	place := fmt.Sprintf("%s:%d: idle-timeout: ", path, strings.Count(watchedText, "\n")+1)
	if !eventually(func() bool { return strings.Contains(w.logs.String(), place) }) {
		t.Fatalf("the log does not say %q:\n%s", place, w.logs.String())
	}
	if n := metric(t, w.rig, "weir_config_generation"); n != 2 {
		t.Errorf("generation %v after a file that is wrong", n)
	}
	_ = os.Remove(path) // no file is none that says something else
	putFile(t, path, watchedText+"idle-timeout: 7m\n")
	w.generation(3)
	if _, text := ask(t, w.rig, "GET", "/config"); !strings.Contains(text, `"7m"`) {
		t.Errorf("not in force:\n%s", text)
	}
}

// Kubernetes mounts a file as a link into a directory that is itself a link, and swaps that one.
func TestConfigWatchSwappedLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount := func(version, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		putFile(t, filepath.Join(dir, version, "weir.yaml"), text)
		if err := os.Symlink(version, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	mount("..2026_01", watchedText)
	path := filepath.Join(dir, "weir.yaml")
	if err := os.Symlink(filepath.Join("..data", "weir.yaml"), path); err != nil {
		t.Fatal(err)
	}
	w := startWatching(t, path)
	for n, version := range []string{"..2026_02", "..2026_03"} {
		mount(version, watchedText+fmt.Sprintf("idle-timeout: %dm\n", n+2))
		w.generation(n + 2)
		if err := os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..2026_0%d", n+1))); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that is not there yet, or a port that is taken, keeps a configuration from being put to use only for a while.
func TestConfigWatchTriesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, list := filepath.Join(dir, "weir.yaml"), filepath.Join(dir, "list")
	putFile(t, path, watchedText)
	w := startWatching(t, path)
	putFile(t, path, watchedText+"deny-file: "+list+"\n")
	if !eventually(func() bool { return metric(t, w.rig, "weir_config_reload_failures_total") >= 2 }) {
		t.Error("it is not tried again")
	}
	putFile(t, list, "192.0.2.0/24\n")
	w.generation(2)
}

// Two looks in a row have to find the same, or a file that is being written would be taken: here each look gets from a pipe
// what the test gives it.
func TestConfigWatchHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, pipe := filepath.Join(dir, "weir.yaml"), filepath.Join(dir, "pipe")
	putFile(t, path, watchedText)
	w := startWatching(t, path)
	another := func() { // each look has a pipe of its own
		t.Helper()
		_ = os.Remove(pipe)
		err := syscall.Mkfifo(pipe, 0o600)
		if err == nil {
			err = os.Link(pipe, path+".new")
		}
		if err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	another()
	t.Cleanup(func() { // whoever waits for the last one need not any longer
		putFile(t, path, watchedText)
		for range 20 {
			if f, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				_ = f.Close()
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	give := func(text string) { // to the next who looks
		t.Helper()
		opened := make(chan *os.File, 1)
		go func() {
			f, err := os.OpenFile(pipe, os.O_WRONLY, 0) // once somebody reads
			if err != nil {
				t.Error(err)
			}
			opened <- f
		}()
		select {
		case f := <-opened:
			another()
			if _, err := f.WriteString(text); err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
		case <-time.After(patience):
			t.Fatal("nobody looks")
		}
	}
	next := watchedText + "idle-timeout: 5m\nmax-message-size: 1MiB\n"
	for n := len(next); n > len(watchedText); n -= 10 { // each look finds another part of it
		give(next[:n])
	}
	give(next)
	if n := metric(t, w.rig, "weir_config_generation"); n != 1 {
		t.Errorf("generation %v while the file is being written", n)
	}
	give(next) // the second look
	give(next) // the reload
	w.generation(2)
	if n := metric(t, w.rig, "weir_config_reload_failures_total"); n != 0 {
		t.Errorf("%v reloads failed", n)
	}
}
