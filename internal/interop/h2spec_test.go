package interop

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	weir "weir/gateway/config"
)

// netHTTPFails are h2spec's cases that net/http's server fails, which speaks HTTP/2 to clients for the gateway. Both are
// tried, so that a case leaves the list once net/http passes it.
var netHTTPFails = map[string]string{
	"http2/6.5.3/1":   "a setting twice in a frame ends the connection",
	"http2/8.1.2.2/1": "answered with 400 and no reset",
	"http2/8.1.2.2/2": "answered with 400 and no reset",
}

// TestH2Spec runs h2spec's cases, the strict ones too, against the gateway and against net/http alone.
func TestH2Spec(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("answer ", 20)) // some cases need a body
	})
	plain := httptest.NewUnstartedServer(answer)
	plain.EnableHTTP2 = true
	plain.Config.HTTP2 = &http.HTTP2Config{MaxReadFrameSize: 16 << 10} // what h2spec takes for granted
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain.StartTLS()
	t.Cleanup(plain.Close)

	backend := httptest.NewServer(answer)
	t.Cleanup(backend.Close)
	files := newAuthority(t).issue(t, time.Hour, "127.0.0.1")
	front := tuned(t, func(cfg *weir.Config) {
		cfg.HandshakeTimeout = time.Minute // else its end could be taken for an answer
		cfg.Listen, cfg.TLSListen = nil, []string{"127.0.0.1:0"}
		cfg.TLSCert, cfg.TLSKey = []string{files.cert}, []string{files.key}
	}, "ws://"+backend.Listener.Addr().String())

	t.Run("gateway", func(t *testing.T) { runH2Spec(t, front.Addr) })
	t.Run("net/http", func(t *testing.T) { runH2Spec(t, plain.Listener.Addr().String()) })
}

func runH2Spec(t *testing.T, addr string) {
	cases := h2Cases(generic.Spec(), http2.Spec(), hpack.Spec())
	if len(cases) < 145 { // those that it had in 2026
		t.Errorf("there are %d cases", len(cases))
	}
	var all sync.WaitGroup
	places := make(chan struct{}, 8)
	failed := make([]error, len(cases))
	for i, c := range cases {
		places <- struct{}{}
		all.Go(func() {
			failed[i] = c.run(addr, 2*time.Second)
			<-places
		})
	}
	all.Wait()
	for i, c := range cases {
		why, listed := netHTTPFails[c.id]
		if failed[i] != nil && !listed {
			failed[i] = c.run(addr, patience) // alone, as the machine may have been busy
		}
		switch {
		case failed[i] != nil && !listed:
			t.Errorf("%s %s: %v", c.id, c.Desc, failed[i])
		case failed[i] == nil && listed:
			t.Errorf("%s %s: passes, and is listed as one that fails (%s)", c.id, c.Desc, why)
		}
	}
}

// h2Case is one case, with the id by which h2spec's command runs it alone.
type h2Case struct {
	*spec.TestCase
	id string
}

func h2Cases(groups ...*spec.TestGroup) (all []h2Case) {
	for _, g := range groups {
		for i, c := range slices.Concat(g.Tests, g.StrictTests) {
			all = append(all, h2Case{c, g.ID() + "/" + strconv.Itoa(i+1)})
		}
		all = append(all, h2Cases(g.Groups...)...)
	}
	return all
}

// run is nil for a case that passes, or does not apply.
func (h h2Case) run(addr string, timeout time.Duration) error {
	host, text, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(text)
	c := &config.Config{Host: host, Port: port, Path: "/", Timeout: timeout, MaxHeaderLen: 4000, Strict: true, TLS: true, Insecure: true}
	conn, err := spec.Dial(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := h.Run(c, conn); err != spec.ErrSkipped {
		return err
	}
	return nil
}
