//go:build linux

package main

import (
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"weir/bench"
	"weir/bench/echo"
	"weir/bench/epoll/epolltest"
)

// backend serves echoes until the test ends, or until stop is called.
func backend(t *testing.T) (addr string, stop func()) {
	t.Helper()
	server, err := echo.Serve(netip.MustParseAddrPort("127.0.0.1:0"))
	at, stop := epolltest.Run(t, server, err)
	return at.String(), stop
}

// said runs a command and gives its status, and what it says on stdout and on stderr.
func said(t *testing.T, args string) (status int, out, notes string) {
	t.Helper()
	capture := func(to **os.File) func() string {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		was := *to
		*to = write
		all := make(chan string)
		go func() {
			b, _ := io.ReadAll(read)
			read.Close()
			all <- string(b)
		}()
		return func() string {
			*to = was
			write.Close()
			return <-all
		}
	}
	stdout, stderr := capture(&os.Stdout), capture(&os.Stderr)
	status = run(t.Context(), strings.Fields(args))
	return status, stdout(), stderr()
}

// Every scenario has figures for people and for machines.
func TestFigures(t *testing.T) {
	addr, _ := backend(t)
	for args, want := range map[string]string{
		"echo --conns 5 --active 2":           "round trips in 0.2 s",
		"echo --conns 5 --rate 100":           "p99.9",
		"idle --conns 5 --pings 0.1":          "pings    ",
		"storm --conns 2":                     "handshakes in",
		"slow --conns 5 --slow 2":             "were taken from them",
		"slow --conns 5 --slow-read 1000000":  "without the slow clients",
		"fanout --conns 5":                    "deliveries in",
		"fanout --conns 5 --rate 100":         "until a message had reached its last client",
		"churn --conns 2 --settle 0.1":        "at the peak",
		"drain --conns 5 --rate 50":           "ends     none",
		"drain --url U/other --url U/another": "ends     none",
	} {
		url := " --url ws://" + addr + "/"
		if strings.HasPrefix(args, "fanout") {
			url += "fanout"
		}
		if strings.Contains(args, "--url") {
			args, url = strings.ReplaceAll(args, "U", "ws://"+addr), ""
		}
		args += url + " --seconds 0.2 --warmup 0.1"
		if status, out, notes := said(t, args); status != 0 || !strings.Contains(out, want) || !strings.Contains(out, "load     ") {
			t.Errorf("%s: status %d, %s%s", args, status, out, notes)
		}
		status, out, notes := said(t, args+" --json")
		var f struct {
			Kind bench.Kind
			Ops  int
			Err  string `json:"error"`
		}
		if err := json.Unmarshal([]byte(out), &f); err != nil || status != 0 || f.Ops == 0 || f.Err != "" || string(f.Kind) != strings.Fields(args)[0] {
			t.Errorf("%s: status %d, %v, %s%s", args, status, err, out, notes)
		}
	}
}

// A server that dies leaves what was measured, a clear line, and a status that is not 0.
func TestDyingServer(t *testing.T) {
	for args, want := range map[string]string{
		"echo --conns 5":          "every connection was lost",
		"echo --conns 5 --rate 9": "every connection was lost",
		"storm --conns 2":         "keep failing",
		"churn --conns 2":         "keep failing",
		"fanout --conns 5":        "was lost",
		"drain --conns 5":         "not back",
		"idle --conns 5":          "every connection was lost",
		"idle --conns 5 --json":   "every connection was lost",
	} {
		addr, stop := backend(t)
		time.AfterFunc(500*time.Millisecond, stop)
		path := strings.Replace(strings.Fields(args)[0], "fanout", "/fanout", 1)
		if !strings.HasPrefix(path, "/") {
			path = "/"
		}
		args += " --warmup 0 --seconds 2 --url ws://" + addr + path
		status, out, notes := said(t, args)
		if status != 1 || !strings.Contains(notes, want) || strings.Count(notes, "\n") > 3 {
			t.Errorf("%s: status %d, %s", args, status, notes)
		}
		if !strings.HasPrefix(args, "idle") && !strings.Contains(out, " in ") {
			t.Errorf("%s: no figures of what was measured", args)
		}
		if strings.Contains(args, "--json") && !strings.Contains(out, `"error": "`) {
			t.Errorf("%s: no error for machines: %s", args, out)
		}
	}
}

func TestRefused(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer refusing.Close()
	go func() {
		for {
			c, err := refusing.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 4096))
			io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
			c.Close()
		}
	}()
	refuses, nowhere := "ws://"+refusing.Addr().String(), "ws://127.0.0.1:1"
	for _, command := range []string{"echo", "idle", "storm", "slow", "http", "fanout", "churn", "drain"} {
		for url, want := range map[string]string{refuses: "403 Forbidden", nowhere: "connection refused", "ws://192.0.2.1/": "--i-own-this-target"} {
			status, out, notes := said(t, command+" --conns 3 --seconds 0.3 --warmup 0 --url "+url)
			if status != 1 || out != "" || !strings.Contains(notes, want) {
				t.Errorf("%s of %s: status %d, %s%s", command, url, status, out, notes)
			}
		}
	}
	if status, _, notes := said(t, "drain --url "+nowhere+" --url ws://192.0.2.1/"); status != 1 || !strings.Contains(notes, "--i-own-this-target") {
		t.Errorf("a second target beyond loopback: status %d, %s", status, notes)
	}
}
