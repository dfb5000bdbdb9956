package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/gateway"
	"weir/gateway/config"
)

// start runs a gateway in front of the given backends, with whatever change makes of the defaults.
func start(t testing.TB, change func(*config.Config), backends ...string) *gateway.Gateway {
	t.Helper()
	return startLogging(t, io.Discard, change, backends...)
}

// startLogging does the same, with the logs written to w.
func startLogging(t testing.TB, w io.Writer, change func(*config.Config), backends ...string) *gateway.Gateway {
	t.Helper()
	cfg := config.Default()
	cfg.HTTP = false // most of these tests are about WebSockets alone
	cfg.Listen, cfg.Admin, cfg.Loops = []string{"127.0.0.1:0"}, "127.0.0.1:0", 1
	cfg.Upstream, cfg.HealthInterval, cfg.DrainTimeout = backends, 0, 500*time.Millisecond
	cfg.AccessLog, cfg.DeferAccept = config.AccessOff, 0 // some look at clients that send nothing
	if change != nil {
		change(cfg)
	}
	g, err := gateway.New(cfg, slog.New(slog.NewTextHandler(w, nil)))
	if err == nil {
		err = g.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, series := range gateway.Unforeseen(g) {
			t.Errorf("%s was not there from the start", series)
		}
		g.Drain()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// echo is a backend that sends every message back.
func echo(t testing.TB) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			kind, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if c.Write(r.Context(), kind, b) != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "http://", "ws://", 1)
}

func url(g *gateway.Gateway) string { return "ws://" + g.Addrs()[0].String() + "/" }

func dial(t testing.TB, url string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func TestEcho(t *testing.T) {
	g := start(t, nil, echo(t))
	c := dial(t, url(g))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20} {
		want := strings.Repeat("w", size)
		if err := c.Write(ctx, websocket.MessageText, []byte(want)); err != nil {
			t.Fatal(size, err)
		}
		_, got, err := c.Read(ctx)
		if err != nil || string(got) != want {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
	if err := c.Close(4321, "bye"); err != nil {
		t.Error(err)
	}
}
