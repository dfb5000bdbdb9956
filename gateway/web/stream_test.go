package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestExpectContinue(t *testing.T) {
	r := newRig(t, setup{specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		n, _ := io.Copy(w, r.Body)
		_ = n
	})}})
	c := r.raw("POST /yes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	line, _ := c.ReadString('\n')
	equal(t, "first line", line, "HTTP/1.1 100 Continue\r\n")
	_, _ = c.ReadString('\n')
	_, _ = io.WriteString(c, "hello")
	_, body := c.answer(t)
	equal(t, "echo", body, "hello")

	began := time.Now()
	c = r.raw("POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	res, _ := c.answer(t)
	equal(t, "status", fmt.Sprint(res.StatusCode, res.Close), "417 true")
	if took := time.Since(began); took > time.Second {
		t.Errorf("the refusal took %v", took)
	}
	_ = c.Close()
}

// TestEvents: what a backend flushes arrives while its answer goes on.
func TestEvents(t *testing.T) {
	for _, secure := range []bool{false, true} {
		more := make(chan string)
		r := newRig(t, setup{tls: secure, specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			for event := range more {
				_, _ = io.WriteString(w, "data: "+event+"\n")
				_ = http.NewResponseController(w).Flush()
			}
		})}})
		res, err := r.client.Get(r.url)
		if err != nil {
			t.Fatal(err)
		}
		events := bufio.NewReader(res.Body)
		for _, event := range []string{"one", "two"} {
			more <- event
			line, err := events.ReadString('\n')
			equal(t, "event", fmt.Sprint(line, err), "data: "+event+"\n<nil>")
		}
		close(more)
		rest, err := io.ReadAll(events)
		equal(t, "end", fmt.Sprint(string(rest), err), "<nil>")
		_ = res.Body.Close()
	}
}

// TestFullDuplex: an endpoint that answers while it still reads gets all of the body.
func TestFullDuplex(t *testing.T) {
	r := newRig(t, setup{specs: []string{backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		buf := make([]byte, 16)
		for {
			n, err := r.Body.Read(buf)
			_, _ = w.Write(buf[:n])
			_ = http.NewResponseController(w).Flush()
			if err != nil {
				return
			}
		}
	})}})
	c := r.raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	var all []string
	var in *bufio.Reader
	for i := range 5 {
		word := fmt.Sprintf("part %d", i)
		fmt.Fprintf(c, "%x\r\n%s\r\n", len(word), word)
		if in == nil {
			res, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			in = bufio.NewReader(res.Body)
		}
		buf := make([]byte, len(word))
		_, _ = io.ReadFull(in, buf)
		all = append(all, string(buf))
	}
	_, _ = io.WriteString(c, "0\r\n\r\n")
	rest, err := io.ReadAll(in)
	if !slices.Equal(all, []string{"part 0", "part 1", "part 2", "part 3", "part 4"}) || len(rest) > 0 || err != nil {
		t.Errorf("came back: %q, %q, %v", all, rest, err)
	}
}
