package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/gateway/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// weir runs a command to its end.
func weir(environ []string, args ...string) (exit int, stdout, stderr string) {
	var out, errs bytes.Buffer
	exit = run(args, program{"weir", environ, &out, &errs})
	return exit, out.String(), errs.String()
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}, {"check", "--help"}} {
		exit, stdout, stderr := weir(nil, args...)
		if exit != exitOK || stdout != config.Usage() || stderr != "" {
			t.Errorf("%v: exit %d, stderr %q", args, exit, stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		if exit, stdout, _ := weir(nil, arg); exit != exitOK || !strings.HasPrefix(stdout, "weir dev, go1.") {
			t.Errorf("%s: exit %d, %q", arg, exit, stdout)
		}
	}
}

func TestMistakes(t *testing.T) {
	tests := map[string]struct {
		args []string
		exit int
		want string
	}{
		"unknown command": {[]string{"chek"}, exitUsage, `weir: unknown command "chek"; there are check, try, healthcheck, endpoints, upgrade, version and help`},
		"unknown flag":    {[]string{"check", "--lop=1"}, exitUsage, "weir: unknown flag --lop; did you mean --loops?"},
		"argument":        {[]string{"check", "--demo", "x"}, exitUsage, `weir: unexpected argument "x"`},
		"switch":          {[]string{"check", "--demo", "--panic", "false"}, exitUsage, `weir: unexpected argument "false"; a switch takes its value after =, as in --panic=false`},
		"argument to run": {[]string{"--demo", "ws://a"}, exitUsage, `weir: unexpected argument "ws://a"`},
		"check a file":    {[]string{"check", "--demo", "file:///x?token=canary"}, exitUsage, `weir: "file:///x" is not a URL such as wss://HOST/PATH or https://HOST/PATH`},
		"check's header":  {[]string{"check", "--demo", "-H", "x", "ws://a"}, exitUsage, `weir: header "x" is not NAME: VALUE`},
		"header alone":    {[]string{"check", "--demo", "-H", "x: y"}, exitUsage, "weir: --header is of use beside a URL"},
		"header's value":  {[]string{"check", "--demo", "--header"}, exitUsage, "weir: --header lacks its value; write --header 'NAME: VALUE'"},
		"bad value":       {[]string{"--demo", "--loops=x"}, exitError, `weir: --loops: "x" is not a whole number`},
		"no backend":      {nil, exitError, "weir: upstream: no backend given; name one with --upstream ws://HOST:PORT, or use --demo"},
		"try what":        {[]string{"try"}, exitUsage, "weir: try needs one URL, such as ws://127.0.0.1:8080/"},
		"try a file":      {[]string{"try", "file:///x?token=canary"}, exitUsage, `weir: "file:///x" is not a URL such as ws://HOST:PORT/ or wss://HOST/`},
		"try's header":    {[]string{"try", "ws://a", "--header=x"}, exitUsage, `weir: header "x" is not NAME: VALUE`},
		"try's flag":      {[]string{"try", "ws://a", "--x"}, exitUsage, "weir: unknown flag: --x"},
	}
	for name, test := range tests {
		exit, stdout, stderr := weir(nil, test.args...)
		first, _, _ := strings.Cut(stderr, "\n")
		if exit != test.exit || first != test.want || stdout != "" {
			t.Errorf("%s: exit %d\ngot  %s\nwant %s", name, exit, first, test.want)
		}
	}
}

// occupied is an address that cannot be listened on.
func occupied(t *testing.T) string {
	t.Helper()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	return taken.Addr().String()
}

func TestAddressInUseIsAnError(t *testing.T) {
	taken := occupied(t)
	exit, _, stderr := weir(nil, "--demo", "--admin=off", "--listen="+taken)
	if exit != exitError || !strings.Contains(stderr, taken) || !strings.Contains(stderr, "address already in use") {
		t.Errorf("exit %d, %s", exit, stderr)
	}
}

const checked = `The configuration is good.
  listen    :8080
  admin     off
  loops     4
  backends  ws://10.0.0.1:9000, weight 1 (25.0%)
            ws://10.0.0.2:9000, weight 3 (75.0%)
  access    everyone
  hash on   header:X-User, loads not bounded
  health    GET /well every 5s, up after 2 good, down after 3 bad
  limits    connections as open files allow, per address 10; head 16KiB, 100 fields; message 1MiB, frame any; queued 128KiB
  timeouts  handshake 10s, connect 3s, backend 10s, idle never, ping never, drain 30s

Given, and where:
  --listen                     :8080
  --admin                      off
  --upstream                   ws://10.0.0.1:9000,http://10.0.0.2:9000#weight=3
  WEIR_LOOPS                   4
  --hash-on                    header:X-User
  --health-path                /well
  --idle-timeout               0
  WEIR_MAX_CONNECTIONS_PER_IP  10
  --max-message-size           1MiB
  --admin-token                (hidden)
  WEIR_IDLE_TIMEOUT            3s (overridden by --idle-timeout)
`

func TestCheck(t *testing.T) {
	exit, stdout, stderr := weir([]string{"WEIR_LOOPS=4", "WEIR_MAX_CONNECTIONS_PER_IP=10", "WEIR_IDLE_TIMEOUT=3s"},
		"check", "--listen=:8080", "--admin=off", "--upstream=ws://10.0.0.1:9000,http://10.0.0.2:9000#weight=3",
		"--hash-on=header:x-user", "--health-path=/well", "--idle-timeout=0", "--max-message-size=1MiB", "--admin-token=canary")
	if exit != exitOK || stderr != "" {
		t.Fatalf("exit %d, %s", exit, stderr)
	}
	if stdout != checked {
		t.Errorf("got\n%s\nwant\n%s", stdout, checked)
	}
}

func TestCheckTellsWhoIsLetIn(t *testing.T) {
	for flags, want := range map[string]string{
		"--log-level=info": "everyone",
		"--deny=10.0.0.1":  "everyone; not from every address",
		"--jwt-keys=k --jwt-algorithm=RS256,ES256 --auth-optional":                                    "JWT RS256 ES256, optional",
		"--basic-users=u --api-keys=k --auth-url=http://a --allow-file=f":                             "name and password, API key, the service of auth-url; not from every address",
		"--jwt-jwks-url=https://a/?key=canary --jwt-algorithm=RS256 --auth-url=https://a/?key=canary": "JWT RS256, the service of auth-url",
	} {
		exit, stdout, stderr := weir(nil, append([]string{"check", "--upstream=ws://a"}, strings.Fields(flags)...)...)
		if exit != exitOK || !strings.Contains(stdout, "\n  access    "+want+"\n") || strings.Contains(stdout, "canary") {
			t.Errorf("%s: exit %d, %s\n%s", flags, exit, stderr, stdout)
		}
	}
}

func TestCheckTellsAllThatIsWrong(t *testing.T) {
	exit, stdout, stderr := weir(nil, "check", "--listen=80", "--upstream=ftp://a,ws://b/c", "--drain-code=1")
	want := `weir: --upstream: upstream "ftp://a": scheme "ftp" is not supported: use ws (or http), h2c or ws+h2c, with TLS wss (or https), h2 or wss+h2, at a unix socket unix, h2c+unix or ws+h2c+unix, found by SRV records with +srv behind these (ws+srv), by Kubernetes with +k8s
weir: --upstream: upstream "ws://b/c": a path is not allowed: the client's own is passed on
weir: --listen: "80" is not an address; write HOST:PORT or :PORT
weir: --drain-code: 1 is not 1001 (going away) or 1012 (service restart)
`
	if exit != exitError || stdout != "" || stderr != want {
		t.Errorf("exit %d\n%s", exit, stderr)
	}
}

// stuck takes nothing until it is closed.
type stuck chan struct{}

func (s stuck) Write(b []byte) (int, error) { <-s; return len(b), nil }

// TestErrorThatNobodyReads: a start that fails ends all the same.
func TestErrorThatNobodyReads(t *testing.T) {
	pipe := make(stuck)
	defer close(pipe)
	exited := make(chan int, 1)
	go func() { exited <- run([]string{"--listen=80"}, program{name: "weir", stdout: pipe, stderr: pipe}) }()
	select {
	case exit := <-exited:
		if exit != exitError {
			t.Errorf("exit %d", exit)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for whoever reads standard error")
	}
}
