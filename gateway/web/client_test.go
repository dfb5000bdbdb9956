package web_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"weir/gateway/web"
	"weir/upstream"
)

// TestClientGone: an endpoint is told to stop, and not blamed.
func TestClientGone(t *testing.T) {
	for _, secure := range []bool{false, true} {
		started, stopped := make(chan struct{}), make(chan struct{})
		r := newRig(t, setup{tls: secure, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			close(started)
			<-r.Context().Done()
			close(stopped)
		})}})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-started
			cancel()
		}()
		req, _ := http.NewRequestWithContext(ctx, "GET", r.url, nil)
		if _, err := r.client.Do(req); err == nil {
			t.Error("there is an answer")
		}
		select {
		case <-stopped:
		case <-time.After(patience):
			t.Fatal("the endpoint goes on")
		}
		l := r.line()
		equal(t, "line", fmt.Sprint(l.Status, " ", l.Reason), "0 client_gone_early")
		equal(t, "state", stateOf(r.group.Endpoints()[0]), upstream.Healthy)
	}
}

func stateOf(e *upstream.Endpoint) string {
	state, _, _ := e.State()
	return state
}

// TestBrokenUpload: an endpoint must not take half a body for a whole one.
func TestBrokenUpload(t *testing.T) {
	for what, c := range map[string]struct{ text, reason string }{
		"of a length": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", "client_lost"},
		"in chunks":   {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf", "client_lost"},
		"nonsense":    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n", "bad_request_body"},
	} {
		t.Run(what, func(t *testing.T) {
			seen := make(chan error, 1)
			r := newRig(t, setup{specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				seen <- err
			})}})
			c2 := r.raw(c.text)
			_ = c2.Conn.(*net.TCPConn).CloseWrite()
			l := r.line()
			equal(t, "reason", l.Reason, c.reason)
			select {
			case err := <-seen:
				if err == nil {
					t.Error("the endpoint took it for whole")
				}
			case <-time.After(time.Second): // the request's head need not have been sent
			}
		})
	}
}

// TestStalls: a client that neither sends nor reads is cut, and so is what it holds.
func TestStalls(t *testing.T) {
	const limit = 150 * time.Millisecond
	quick := func(o *web.Options) { o.StallTimeout = limit }
	t.Run("upload", func(t *testing.T) {
		r := newRig(t, setup{options: quick, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })}})
		c := r.raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
		res, _ := c.answer(t)
		equal(t, "status", fmt.Sprint(res.StatusCode, res.Close), "408 true")
		equal(t, "reason", r.line().Reason, "client_stalled")
	})
	t.Run("download", func(t *testing.T) {
		for _, secure := range []bool{false, true} {
			r := newRig(t, setup{options: quick, tls: secure, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(w, endless{})
			})}})
			res, err := r.client.Get(r.url)
			if err != nil {
				t.Fatal(err)
			}
			l := r.line() // while nobody reads
			equal(t, "reason", l.Reason, "client_stalled")
			if l.BytesDown == 0 || l.BytesDown > 64<<20 {
				t.Errorf("%d bytes went down", l.BytesDown)
			}
			_ = res.Body.Close()
		}
	})
	t.Run("slow backends are none", func(t *testing.T) {
		r := newRig(t, setup{options: quick, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			time.Sleep(3 * limit)
			_, _ = io.WriteString(w, "at last")
		})}})
		for range 2 {
			_, body := r.do("GET", "/", "")
			equal(t, "body", body, "at last")
		}
	})
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
