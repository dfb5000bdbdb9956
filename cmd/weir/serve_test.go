package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"weir/gateway/config"
)

// TestDemoTryAndDrain is what a newcomer does: start the demo, try it, stop it. A SIGHUP between does not end it.
func TestDemoTryAndDrain(t *testing.T) {
	out, in := io.Pipe()
	var logs bytes.Buffer // read when run has returned
	exited := make(chan int, 1)
	go func() {
		p := program{"weir", nil, in, &logs}
		exited <- run([]string{"--demo", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--loops=1", "--access-log=json"}, p)
		in.Close()
	}()
	hints := bufio.NewReader(out)
	url := await1(t, hints, regexp.MustCompile(`weir try (ws://127\.0\.0\.1:\d+/)`))
	await1(t, hints, regexp.MustCompile(`curl -s (http://127\.0\.0\.1:\d+/sessions)`))
	await1(t, hints, regexp.MustCompile(`(new WebSocket)`))
	go io.Copy(io.Discard, hints)

	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	exit, stdout, stderr := weir(nil, "try", url+"?token=canary", "--message=good morning", "--header=X-A: b")
	want := regexp.MustCompile(`^connected   to 127\.0\.0\.1:\d+ in \d+\.\d\d ms
handshake   101 Switching Protocols in \d+\.\d\d ms
endpoint    ws://127\.0\.0\.1:\d+
sent        "good morning"
answer      "good morning" \(text\)
round trip  \d+\.\d\d ms
$`)
	if exit != exitOK || !want.MatchString(stdout) || stderr != "" {
		t.Errorf("try: exit %d\n%s%s", exit, stdout, stderr)
	}

	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	if exit := <-exited; exit != exitOK {
		t.Errorf("exit %d after a drain", exit)
	}
	for line := range strings.Lines(logs.String()) {
		if !strings.HasPrefix(line, "{") || strings.Contains(line, "canary") {
			t.Errorf("log line is not JSON or tells the query: %s", line)
		}
	}
}

// await1 reads to the line that matches and returns its first group.
func await1(t *testing.T, r *bufio.Reader, pattern *regexp.Regexp) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if m := pattern.FindStringSubmatch(line); m != nil {
			return m[1]
		}
		if err != nil {
			t.Fatalf("no line like %s: %v", pattern, err)
		}
	}
}

// A fake is a service that ends when told to.
type fake struct {
	drained chan struct{}
	ended   chan error
}

func newFake() fake { return fake{make(chan struct{}), make(chan error, 1)} }

func (f fake) Drain()      { f.drained <- struct{}{} }
func (f fake) Wait() error { return <-f.ended }

// Work for signals of one kind is done one after the other, until it is stopped.
func TestOnSignals(t *testing.T) {
	signals, stop, done, ended := make(chan os.Signal), make(chan struct{}), make(chan int), make(chan struct{})
	n := 0
	go func() {
		onSignals(signals, stop, func() { n++; done <- n })
		close(ended)
	}()
	for want := range 3 {
		signals <- syscall.SIGHUP
		if got := <-done; got != want+1 {
			t.Errorf("done %d times, want %d", got, want+1)
		}
	}
	close(stop)
	<-ended
}

func TestSignals(t *testing.T) {
	broken := errors.New("broken")
	tests := map[string]struct {
		play func(f fake, signals chan<- os.Signal)
		exit int
		err  error
	}{
		"drained": {func(f fake, signals chan<- os.Signal) {
			signals <- syscall.SIGTERM
			<-f.drained
			f.ended <- nil
		}, exitOK, nil},
		"drained through admin": {func(f fake, signals chan<- os.Signal) { f.ended <- nil }, exitOK, nil},
		"broken":                {func(f fake, signals chan<- os.Signal) { f.ended <- broken }, exitOK, broken},
		"second signal": {func(f fake, signals chan<- os.Signal) {
			signals <- os.Interrupt
			<-f.drained
			signals <- os.Interrupt
		}, exitError, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			signals := make(chan os.Signal)
			go test.play(f, signals)
			exit, err := await(f, signals, slog.New(slog.DiscardHandler))
			if exit != test.exit || err != test.err {
				t.Errorf("exit %d, %v", exit, err)
			}
			close(f.ended) // lets the waiting goroutine of a second signal go
		})
	}
}

func TestLoggerFollowsTheAccessLog(t *testing.T) {
	for form, want := range map[config.AccessLog]string{
		config.AccessText: "level=WARN msg=hello", config.AccessOff: "level=WARN msg=hello", config.AccessJSON: `"level":"WARN","msg":"hello"`,
	} {
		var b bytes.Buffer
		log := slog.New(logHandler(&config.Config{AccessLog: form}, slog.LevelWarn, &b))
		log.Info("quiet")
		log.Warn("hello")
		if !strings.Contains(b.String(), want) || strings.Contains(b.String(), "quiet") {
			t.Errorf("%s: %s", form, b.String())
		}
	}
}

func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(tcp); got != want {
			t.Errorf("%s: %s", addr, got)
		}
	}
}

func TestHints(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	for name, test := range map[string]struct {
		secure bool
		listen net.Addr
		want   string
	}{
		"in clear":    {false, address, "  weir try ws://127.0.0.1:8080/\n"},
		"TLS alone":   {true, address, "  weir try wss://127.0.0.1:8080/ --insecure\n"},
		"unix socket": {false, &net.UnixAddr{Name: "/run/weir.sock", Net: "unix"}, "Weir listens on unix:/run/weir.sock; an echo server inside is its backend.\n"},
	} {
		var b bytes.Buffer
		printHints(program{name: "weir", stdout: &b}, test.secure, test.listen, nil)
		if !strings.Contains(b.String(), test.want) {
			t.Errorf("%s: %s", name, b.String())
		}
	}
}
