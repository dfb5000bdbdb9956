package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// service is an HTTP server whose answers wait for release.
type service struct {
	*httptest.Server
	asked   atomic.Int32
	came    chan struct{} // one for each request, as long as there is room
	release func()
}

// serve runs one; with hangs it waits, until it is released or the test is over.
func serve(t testing.TB, hangs bool, answer http.HandlerFunc) *service {
	gate, s := make(chan struct{}), &service{came: make(chan struct{}, 1000)}
	s.release = sync.OnceFunc(func() { close(gate) })
	if !hangs {
		s.release()
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.came <- struct{}{}
		select {
		case <-gate:
			answer(w, r)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { s.release(); s.Close() })
	return s
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}
