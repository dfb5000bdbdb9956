package main

import (
	"context"
	"crypto/rand"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestDemoEchoes(t *testing.T) {
	d, err := startDemo()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+d.addr.String()+"/x", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(demoMessageLimit)
	for _, size := range []int{0, 1, 125, 126, 65536, 1 << 20} {
		message := make([]byte, size)
		rand.Read(message)
		if err := c.Write(ctx, websocket.MessageBinary, message); err != nil {
			t.Fatal(err)
		}
		kind, answer, err := c.Read(ctx)
		if err != nil || kind != websocket.MessageBinary || string(answer) != string(message) {
			t.Fatalf("%d bytes came back as %d of kind %v, %v", size, len(answer), kind, err)
		}
	}
	if err := c.Close(4000, "bye"); err != nil {
		t.Error(err)
	}
}

func TestDemoClosesWhatIsOpen(t *testing.T) {
	d, err := startDemo()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+d.addr.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	d.close()
	if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("still open: %v", err)
	}
}

func TestTryTellsOfRefusals(t *testing.T) {
	refusing := func(answer http.HandlerFunc) string {
		s := httptest.NewServer(answer)
		t.Cleanup(s.Close)
		return "ws" + strings.TrimPrefix(s.URL, "http") + "/?token=canary"
	}
	tests := map[string]struct{ url, want string }{
		"503": {refusing(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no healthy backend\x1b[2J", http.StatusServiceUnavailable)
		}), `refused with 503 Service Unavailable: "no healthy backend\x1b[2J"`},
		"redirect": {refusing(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}), `refused with 302 Found: `},
		"nobody there": {"ws://127.0.0.1:1/?token=canary", "connection refused"},
		"gone before an answer": {refusing(func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, nil); err == nil {
				c.Close(websocket.StatusTryAgainLater, "full")
			}
		}), `no answer: failed to get reader: received close frame: status = StatusTryAgainLater and reason = "full"`},
	}
	for name, test := range tests {
		exit, _, stderr := weir(nil, "try", test.url)
		if exit != exitError || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "canary") {
			t.Errorf("%s: exit %d, %s", name, exit, stderr)
		}
	}
}

func TestTryTakesAnyCertificateIfAsked(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is meant
	s.StartTLS()
	defer s.Close()
	url := "wss" + strings.TrimPrefix(s.URL, "https")
	if exit, _, stderr := weir(nil, "try", url); exit != exitError || !strings.Contains(stderr, "certificate") {
		t.Errorf("exit %d, %s", exit, stderr)
	}
	exit, stdout, stderr := weir(nil, "try", url, "--insecure")
	if exit != exitOK || !strings.Contains(stdout, `answer      "hello from weir" (text)`) ||
		!strings.Contains(stdout, "endpoint    not told") {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
}
