package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/internal/freeport"
	"weir/upstream/accept"
)

func (c rawClient) text(t testing.TB, text string) {
	t.Helper()
	if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewTextFrame([]byte(text)))); err != nil {
		t.Fatal(err)
	}
}

// echo is roundTrip for goroutines other than the test's.
func (c rawClient) echo(text string) error {
	if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewTextFrame([]byte(text)))); err != nil {
		return err
	}
	f, err := ws.ReadFrame(c)
	if err == nil && string(f.Payload) != text {
		err = fmt.Errorf("sent %q, got back opcode %d with %q", text, f.Header.OpCode, f.Payload)
	}
	return err
}

// awaitEndpoint polls /endpoints, which has no event, until the only one is in the state for a reason like the one given.
func awaitEndpoint(t testing.TB, f *Front, state, reason string) {
	t.Helper()
	var list []struct{ State, Reason string }
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		answer, err := client.Get("http://" + f.Admin + "/endpoints")
		if err != nil {
			t.Fatal(err)
		}
		list = nil
		err = json.NewDecoder(answer.Body).Decode(&list)
		_ = answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].State == state && strings.Contains(list[0].Reason, reason) {
			return
		}
	}
	t.Fatalf("the endpoint is %+v, want it %s because of %q", list, state, reason)
}

// TestPoolBackendKilled: all clients of a broken connection are told, each on a frame boundary, over pool-spread.
func TestPoolBackendKilled(t *testing.T) {
	t.Parallel()
	const clients, spread = 300, 300 * time.Millisecond
	addr := freeport.Addr(t)
	backend := startProcess(t, addr, []string{netHTTPAddr + "=" + addr, "GODEBUG=http2xconnect=1"}, os.Args[0])
	f := poolsTuned(t, func(c *config.Config) { c.PoolSpread = spread }, "ws://"+addr)
	var all []rawClient
	for range clients {
		c := mustDial(t, f)
		c.roundTrip(t, "hello")
		all = append(all, c)
	}
	killed := time.Now()
	_ = backend.Process.Kill()
	for _, c := range all {
		expectClose(t, c, 1011)
		if more := rest(t, c); len(more) > 0 {
			t.Errorf("behind the close frame came %x", more)
		}
	}
	if took := time.Since(killed); took < spread/10 { // a few are told at once, whatever the spread
		t.Errorf("all clients were told within %v, so all will be back at once", took)
	}
	awaitMetric(t, f, clients, "weir_sessions_closed_total", "1011")
	awaitMetric(t, f, 0, "weir_pool_streams")
	awaitMetric(t, f, 0, "weir_endpoint_sessions")
}

// TestPoolShutdown: GOAWAY under load harms no session, and new ones go to the backend that came in place.
func TestPoolShutdown(t *testing.T) {
	t.Parallel()
	old, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go acceptEcho(old)
	addr := old.Addr().String()
	f := pools(t, "ws://"+addr)
	stop, running := make(chan struct{}), sync.WaitGroup{}
	for range 20 {
		c := mustDial(t, f)
		running.Go(func() {
			defer c.Close()
			for {
				if err := c.echo("hello"); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	over := make(chan error, 1)
	go func() { over <- old.Shutdown(t.Context()) }()
	awaitMetric(t, f, 0, "weir_pool_connections")
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	next := accept.New(ln, accept.Options{})
	t.Cleanup(func() { _ = next.Close() })
	go acceptEcho(next)
	for range 20 {
		mustDial(t, f).roundTrip(t, "new")
	}
	awaitMetric(t, f, 40, "weir_pool_streams")
	close(stop)
	running.Wait()
	if err := await(t, over, "the end of the backend"); err != nil {
		t.Error(err)
	}
}

// TestPoolFallsBack: ws+h2c:// serves a backend that speaks HTTP/1.1 only, and one without extended CONNECT, by tunnels.
func TestPoolFallsBack(t *testing.T) {
	t.Parallel()
	b := startRaw(t, "127.0.0.1:0")
	b.echo(t)
	f := tuned(t, nil, strings.Replace(b.url(), "ws://", "ws+h2c://", 1))
	for range 3 {
		mustDial(t, f).roundTrip(t, "over a tunnel")
	}
	if n := f.metric(t, "weir_pool_streams"); n != 0 {
		t.Errorf("%v sessions are on pooled connections", n)
	}
}

// TestPoolFallBackDoubted: a backend that hung up while it started is not taken for one that speaks HTTP/1.1 for ever.
func TestPoolFallBackDoubted(t *testing.T) {
	t.Parallel()
	starting, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := starting.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	addr := starting.Addr().String()
	f := tuned(t, nil, "ws+h2c://"+addr)
	refusedWith(t, f, 502)
	_ = starting.Close()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	l := accept.New(ln, accept.Options{})
	t.Cleanup(func() { _ = l.Close() })
	go acceptEcho(l)
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) { // there is no event to await
		c, err := dialRaw(f.Addr, patience)
		if err == nil {
			defer c.Close()
			c.roundTrip(t, "well now")
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the backend is still not used: %v", err)
		}
	}
}

// TestPoolUnfit: h2c:// to a server that cannot take it says so, and why.
func TestPoolUnfit(t *testing.T) {
	checked := func(c *config.Config) { c.HealthInterval, c.HealthFall = 100*time.Millisecond, 1 }
	t.Run("no extended CONNECT", func(t *testing.T) {
		t.Parallel()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.NotFoundHandler(), Protocols: new(http.Protocols)}
		server.Protocols.SetUnencryptedHTTP2(true)
		go func() { _ = server.Serve(ln) }()
		t.Cleanup(func() { _ = server.Close() })
		f := poolsTuned(t, checked, "ws://"+ln.Addr().String())
		awaitEndpoint(t, f, "unhealthy", "ENABLE_CONNECT_PROTOCOL")
		refusedWith(t, f, 502)
	})
	t.Run("HTTP/1.1", func(t *testing.T) {
		t.Parallel()
		b := startRaw(t, "127.0.0.1:0")
		f := poolsTuned(t, checked, b.url())
		awaitEndpoint(t, f, "unhealthy", "HTTP/2")
		refusedWith(t, f, 502)
	})
}
