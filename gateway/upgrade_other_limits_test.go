package gateway_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

// attached opens a session of another protocol, with these lines in its request, and gives what the backend was asked.
func attached(t *testing.T, p *peer, b *backend, lines ...string) (server *peer, asked *message) {
	t.Helper()
	p.write(asksTCP(lines...))
	server = b.accept()
	asked = server.head()
	server.write(switchTCP)
	p.wantStatus(101)
	return server, asked
}

func asksTCP(lines ...string) string {
	return strings.TrimSuffix(askTCP, "\r\n") + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

// TestUpgradeOtherAuthenticates: a credential is asked for as it is for a WebSocket, known at once or from a service. Who has
// none hears so in HTTP, whatever auth-refusal is.
func TestUpgradeOtherAuthenticates(t *testing.T) {
	t.Parallel()
	s := serve(t, false, judge)
	for name, c := range map[string]struct {
		change          func(*config.Config)
		good, bad, user string
		status          int // for bad
	}{
		"token":   {func(cfg *config.Config) { takeTokens(t, cfg); cfg.JWTHeader = []string{"sub X-User"} }, bearer(token(t, "HS256", nil)), bearer("e30.e30.e30"), "ada", 401},
		"service": {func(cfg *config.Config) { takeService(cfg, s) }, "Authorization: good", "Authorization: bad", "ada", 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			e := startTLS(t, func(cfg *config.Config) {
				withTCP(cfg)
				c.change(cfg)
				cfg.AuthRefusal = config.RefuseClose
			}, b.url())
			for _, secure := range []bool{false, true} {
				for request, status := range map[string]int{asksTCP("X-User: eve"): 401, asksTCP(c.bad): c.status} {
					p := e.open(secure)
					p.write(request + "smuggled")
					if m := p.wantStatus(status); status == 401 && name == "token" && m.fields.Get("WWW-Authenticate") == "" {
						t.Errorf("no challenge in %q", m.text)
					}
					_ = p.conn.Close()
				}
				b.wantUntouched()
				p := e.open(secure)
				p.write(asksTCP(c.good, "X-User: eve") + "early")
				server := b.accept()
				wantFields(t, server.head(), map[string]string{"X-User": c.user, "Upgrade": "tcp"})
				server.write(switchTCP)
				p.wantStatus(101)
				if got := server.bytes(5); got != "early" {
					t.Errorf("the backend got %q", got)
				}
				wantEcho(t, p, server)
				_, _ = p.conn.Close(), server.conn.Close()
			}
			wantMetric(t, e, "weir_sessions_open", 0)
		})
	}
}

// TestUpgradeOtherByteRate holds what the client sends, and not what it is sent.
func TestUpgradeOtherByteRate(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) { withTCP(cfg); cfg.ByteRate = limit(t, "20B/3h burst 20B") })
	p := connect(t, g)
	server, _ := attached(t, p, b)
	p.write("more than twenty bytes")
	if got := server.bytes(22); got != "more than twenty bytes" { // it was read when it was counted
		t.Errorf("the backend got %q", got)
	}
	p.write("and more")
	server.write("down")
	if got := p.bytes(4); got != "down" {
		t.Errorf("the client got %q", got)
	}
	_ = server.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := server.conn.Read(make([]byte, 64)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes passed, error %v", n, err)
	}
	wantMetric(t, g, "weir_sessions_open", 1)
	p.reset() // else the drain waits
}

// TestUpgradeOtherSlowReader costs no more than high-water, whichever side does not read; messages cannot be dropped where
// there are none.
func TestUpgradeOtherSlowReader(t *testing.T) {
	t.Parallel()
	for _, how := range []config.SlowReader{config.SlowWait, config.SlowDrop, config.SlowClose} {
		for _, byClient := range []bool{false, true} {
			t.Run(string(how)+map[bool]string{false: ", client", true: ", backend"}[byClient]+" does not read", func(t *testing.T) {
				t.Parallel()
				high := config.Default().HighWater
				b := listen(t)
				g := start(t, func(cfg *config.Config) {
					withTCP(cfg)
					cfg.SlowReader, cfg.SlowTimeout, cfg.CloseTimeout = how, 100*time.Millisecond, 200*time.Millisecond
					high = cfg.HighWater
				}, b.url())
				from := connect(t, g)
				to, _ := attached(t, from, b)
				if !byClient {
					from, to = to, from
				}
				unit := pattern(from)
				if how == config.SlowClose && !byClient {
					done := from.flood(unit)
					wantMetric(t, g, `weir_sessions_closed_total{reason="slow_reader",code="none"}`, 1)
					to.rest()
					<-done
					return
				}
				sent := from.stuff(to, unit)
				if n := metric(t, g, "weir_buffered_bytes"); n == 0 || n > float64(high+ownFrames) {
					t.Errorf("%v bytes are buffered, the mark is %v", n, high)
				}
				from.finish(to, unit, sent)
				wantMetric(t, g, "weir_buffered_bytes", 0)
			})
		}
	}
}

// TestUpgradeOtherIsLogged as a session, with what it was asked for and its bytes.
func TestUpgradeOtherIsLogged(t *testing.T) {
	t.Parallel()
	var text logs
	b := listen(t)
	g := startLogging(t, &text, func(cfg *config.Config) {
		withTCP(cfg)
		takeTokens(t, cfg)
		cfg.AccessLog = config.AccessText
	}, b.url())
	p := connect(t, g)
	server, _ := attached(t, p, b, bearer(token(t, "HS256", nil)), "User-Agent: kubectl")
	p.write("there")
	server.bytes(5)
	server.write("and back")
	p.bytes(8)
	_ = p.conn.CloseWrite()
	server.wantEnd()
	_ = server.conn.CloseWrite()
	p.wantEnd()
	for what, fields := range map[string][]string{
		"open":  {"endpoint=" + b.url(), "host=weir.test", "path=/attach", "route=default", "user=ada", "user_agent=kubectl", "request_id="},
		"close": {"endpoint=" + b.url(), "reason=client_close", "code=0", "bytes_up=5", "bytes_down=8", "user=ada"},
	} {
		var line string
		if !eventually(func() bool {
			for l := range strings.Lines(text.String()) {
				if strings.Contains(l, "msg="+what+" ") {
					line = l
				}
			}
			return line != ""
		}) {
			t.Fatalf("no line %s in\n%s", what, text.String())
		}
		for _, f := range fields {
			if !strings.Contains(line, " "+f) {
				t.Errorf("no %s in %s", f, line)
			}
		}
	}
}

// TestUpgradeOtherUnixClientGone: a client that ended its direction and then closes its unix socket ends the session, though the
// backend has nothing to send.
func TestUpgradeOtherUnixClientGone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	path := filepath.Join(t.TempDir(), "s")
	b := listen(t)
	g := start(t, func(cfg *config.Config) { withTCP(cfg); cfg.Listen = append(cfg.Listen, "unix:"+path) }, b.url())
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, conn, true)
	server, _ := attached(t, p, b)
	p.write("last")
	_ = p.conn.CloseWrite()
	if got := server.bytes(4); got != "last" {
		t.Errorf("the backend got %q", got)
	}
	server.write("heard")
	if got := p.bytes(5); got != "heard" {
		t.Errorf("the client got %q", got)
	}
	wantMetric(t, g, "weir_sessions_open", 1)
	_ = p.conn.Close()
	wantMetric(t, g, `weir_sessions_closed_total{reason="client_lost",code="none"}`, 1)
	server.rest()
	wantMetric(t, g, "weir_sessions_open", 0)
}
