package web_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/codec/http1"
	"weir/gateway/web"
)

// TestBigBodies: as much as one likes goes through in both directions, in little memory, at the reader's pace.
func TestBigBodies(t *testing.T) {
	const size = 100 << 20
	for _, c := range []struct {
		secure bool
		length int64
	}{{false, size}, {false, -1}, {true, size}} {
		r := newRig(t, setup{tls: c.secure, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			w.Header().Set("X-Got", fmt.Sprint(n, err))
			_, _ = io.CopyN(w, endless{}, size)
		})}})
		var before, during runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		req, _ := http.NewRequest("POST", r.url, io.LimitReader(endless{}, size))
		req.ContentLength = c.length // below 0: in chunks
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "uploaded", res.Header.Get("X-Got"), fmt.Sprint(size, " <nil>"))
		time.Sleep(100 * time.Millisecond) // nobody reads meanwhile; whatever would fill up fills up
		runtime.GC()                       // what TLS records have left behind does not count
		runtime.ReadMemStats(&during)
		if grown := int64(during.HeapInuse) - int64(before.HeapInuse); grown > 16<<20 {
			t.Errorf("%v: the heap grew by %d bytes", c, grown)
		}
		n, err := io.Copy(io.Discard, res.Body)
		equal(t, "downloaded", fmt.Sprint(n, err), fmt.Sprint(size, " <nil>"))
		_ = res.Body.Close()
		l := r.line()
		equal(t, "bytes", [2]uint64{l.BytesUp, l.BytesDown}, [2]uint64{size, size})
	}
}

func TestManyStreams(t *testing.T) {
	const streams = 50
	var arrived, answered sync.WaitGroup
	arrived.Add(streams)
	r := newRig(t, setup{tls: true, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			arrived.Done()
			arrived.Wait() // all are under way at once
		}
		_, _ = io.Copy(w, r.Body)
	})}})
	r.do("GET", "/", "") // so that all take this connection
	for i := range streams {
		answered.Go(func() {
			res, body := r.do("POST", "/wait", fmt.Sprint("body ", i))
			equal(t, "answer", fmt.Sprint(res.Proto, " ", body), fmt.Sprint("HTTP/2.0 body ", i))
		})
	}
	answered.Wait()
	equal(t, "connections", r.server.Stats().Accepted, 1)
}

func TestLimits(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	r := newRig(t, setup{specs: []string{backend(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})}, options: func(o *web.Options) { o.MaxConns = 2 }})
	for range 2 {
		r.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	for r.taken.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, err := io.ReadAll(r.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Log(err)
	}
	if err := <-r.refused; !errors.Is(err, web.ErrFull) {
		t.Errorf("the third connection: %v", err)
	}
	equal(t, "connections", r.server.Stats().Active, 2)
}

// TestIdleGivesWay: who has no request leaves his place to who has one, the longest idle first.
func TestIdleGivesWay(t *testing.T) {
	for _, secure := range []bool{false, true} {
		r := newRig(t, setup{tls: secure, specs: []string{backend(t, func(http.ResponseWriter, *http.Request) {})}, options: func(o *web.Options) { o.MaxConns = 2 }})
		idle := func() net.Conn {
			conn := r.idle()
			for r.server.Stats().Idle < r.server.Stats().Active { // net/http may take a moment
				time.Sleep(time.Millisecond)
			}
			return conn
		}
		first, second := idle(), idle()
		for range 3 {
			third := idle()
			if b, err := io.ReadAll(first); len(b) > 0 || err != nil {
				t.Errorf("the longest idle got %q, %v", b, err)
			}
			first, second = second, third
		}
		_, _ = io.WriteString(second, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n")
		raw{second, bufio.NewReader(second)}.answer(t)
		equal(t, "connections", r.server.Stats().Active, 2)
	}
}

// TestBurst: as many connections at once as there may be are taken, however fast they are picked up.
func TestBurst(t *testing.T) {
	const burst = 3000
	r := newRig(t, setup{specs: []string{nowhere(t)}, options: func(o *web.Options) { o.MaxConns = burst }})
	for range burst {
		near, far := net.Pipe()
		_ = far.Close()
		if err := r.server.Serve(near, &web.Client{Closed: func() { r.closed.Add(1) }}); err != nil {
			t.Fatal(err)
		}
		r.taken.Add(1)
	}
}

// TestPanic: a fault of ours ends one request, and is told.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, setup{specs: []string{nowhere(t)}, options: func(o *web.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.Find = func(*http.Request, *web.Client) (web.Found, *http1.Refusal) { panic("a bug") }
	}})
	if rest, _ := io.ReadAll(r.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); len(rest) > 0 {
		t.Errorf("the client got %q", rest)
	}
	equal(t, "reason", r.line().Reason, "panic")
	if text := log.String(); !strings.Contains(text, "a bug") || !strings.Contains(text, "load_test.go") {
		t.Errorf("the log says %q", text)
	}
}

func BenchmarkGet(b *testing.B) {
	for _, secure := range []bool{false, true} {
		r := newRig(b, setup{tls: secure, options: func(o *web.Options) { o.Log = nil }, specs: []string{
			backend(b, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello") })}})
		b.Run(fmt.Sprint("TLS ", secure), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.do("GET", "/", "")
			}
		})
	}
}
