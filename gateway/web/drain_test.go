package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"weir/gateway/web"
)

// TestDrain in each state that a connection can be in.
func TestDrain(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			started, finish := make(chan struct{}, 2), make(chan struct{})
			r := newRig(t, setup{tls: secure, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/idle" {
					return
				}
				started <- struct{}{}
				select {
				case <-finish:
				case <-r.Context().Done():
				}
				_, _ = io.WriteString(w, "done")
			})}})
			r.do("GET", "/idle", "")
			idle := r.idle()
			type outcome struct {
				body string
				err  error
			}
			results := make(chan outcome, 1)
			get := func() {
				res, err := r.client.Get(r.url + "/slow")
				if err != nil {
					results <- outcome{"", err}
					return
				}
				body, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				results <- outcome{string(body), err}
			}
			go get()
			<-started
			drained := make(chan struct{})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			go func() {
				r.server.Shutdown(ctx)
				close(drained)
			}()
			if rest, err := io.ReadAll(idle); len(rest) > 0 || err != nil {
				t.Errorf("the idle connection ends in %q, %v", rest, err)
			}
			equal(t, "a new connection", r.server.Serve(idle, nil), web.ErrClosed)
			select {
			case <-drained:
				t.Error("the request under way is not waited for")
			case <-time.After(50 * time.Millisecond):
			}
			close(finish)
			if o := <-results; o.body != "done" || o.err != nil {
				t.Errorf("the request under way ended in %q, %v", o.body, o.err)
			}
			<-drained
			equal(t, "connections left", r.server.Stats().Active, 0)
		})
	}
}

// TestDrainEnds: what does not end in time is cut, and named.
func TestDrainEnds(t *testing.T) {
	for _, secure := range []bool{false, true} {
		started := make(chan struct{})
		r := newRig(t, setup{tls: secure, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			close(started)
			<-r.Context().Done()
		})}})
		res, err := r.client.Get(r.url)
		if err != nil {
			t.Fatal(err)
		}
		<-started
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		r.server.Shutdown(ctx)
		cancel()
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("the answer looks whole")
		}
		_ = res.Body.Close()
		equal(t, "reason", r.line().Reason, "drain")
	}
}

// TestDrainAtOnce: connections that nobody has looked at are closed too.
func TestDrainAtOnce(t *testing.T) {
	for range 20 {
		r := newRig(t, setup{specs: []string{nowhere(t)}})
		for range 4 {
			r.raw("")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.server.Shutdown(ctx)
	}
}
