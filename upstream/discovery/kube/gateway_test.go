package kube_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/gateway"
	"weir/gateway/config"
)

// TestGateway: a gateway's sessions go to the pods that EndpointSlices have. A pod that terminates gets no more of them and keeps
// those it has.
func TestGateway(t *testing.T) {
	a := newAPIServer(t, true)
	first, second := pod(t, "127.0.0.1:0"), ""
	_, port, _ := net.SplitHostPort(first)
	second = pod(t, "127.0.0.2:"+port)
	put := func(endpoints ...string) {
		s := slice("one", endpoints...)
		n, _ := strconv.Atoi(port)
		s.Ports[0].Port = new(int32(n))
		a.put(s)
	}
	a.put(service("ws:80"))
	put("127.0.0.1")

	cfg := config.Default()
	cfg.Listen, cfg.Admin, cfg.Loops, cfg.HealthInterval = []string{"127.0.0.1:0"}, "127.0.0.1:0", 1, 0
	cfg.Upstream, cfg.Kubeconfig = []string{"ws+k8s://chat.default:ws"}, a.kubeconfig("{token: secret}")
	cfg.DrainTimeout = 100 * time.Millisecond
	g, err := gateway.New(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err == nil {
		err = g.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Drain()
		_ = g.Wait()
	})
	states := func(want string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			var list []struct{ Address, State string }
			if r, err := http.Get("http://" + g.AdminAddr().String() + "/endpoints"); err == nil {
				_ = json.NewDecoder(r.Body).Decode(&list)
				_ = r.Body.Close()
			}
			var all []string
			for _, e := range list {
				if e.State != "leaving" {
					e.State = "there"
				}
				all = append(all, e.Address+" "+e.State)
			}
			if strings.Join(all, ", ") == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("endpoints %q, want %q", all, want)
			}
		}
	}
	states(first + " there")
	kept := ask(t, g.Addrs()[0].String())
	if got := kept.at(); got != first {
		t.Fatalf("the session is at %s", got)
	}
	put("!127.0.0.1", "127.0.0.2")
	states(first + " leaving, " + second + " there")
	for range 10 {
		if got := ask(t, g.Addrs()[0].String()).at(); got != second {
			t.Fatalf("a new session is at %s, which leaves", got)
		}
	}
	if got := kept.at(); got != first {
		t.Errorf("the first session is at %s", got)
	}
	put("127.0.0.2")
	states(second + " there")
	if got := kept.at(); got != first {
		t.Errorf("the first session is at %s", got)
	}
}

// pod answers each message with its own address.
func pod(t *testing.T, addr string) string {
	ended := make(chan struct{})
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("no second address: %v", err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-ended:
				cancel()
			case <-ctx.Done():
			}
		}()
		for {
			if _, _, err := c.Read(ctx); err != nil {
				return
			}
			if c.Write(ctx, websocket.MessageText, []byte(l.Addr().String())) != nil {
				return
			}
		}
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		close(ended)
	})
	return l.Addr().String()
}

type session struct {
	t *testing.T
	c *websocket.Conn
}

func ask(t *testing.T, addr string) session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return session{t, c}
}

// at is the pod that has the session.
func (s session) at() string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	err := s.c.Write(ctx, websocket.MessageText, []byte("?"))
	var text []byte
	if err == nil {
		_, text, err = s.c.Read(ctx)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
