package interop

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

var movesSessions = flag.Int("moves-sessions", 60, "sessions that talk while their backends restart and die")

const movedNotice = "moved"

// mover is one session from the client's side. Its messages are texts that begin with their number.
type mover struct {
	conn net.Conn
	sent atomic.Uint64
	next atomic.Uint64 // the echo that comes next
	told uint64        // what the backend's own number is next

	fresh bool // a notice has come, and nothing else
	mu    sync.Mutex
	moved []time.Time
	lost  uint64
	ended chan error
}

// listen checks what comes until the close frame.
func (m *mover) listen(unplanned *atomic.Bool) error {
	for {
		f, err := ws.ReadFrame(m.conn)
		switch {
		case err != nil:
			return err
		case f.Header.OpCode == ws.OpClose:
			if code, _ := ws.ParseCloseFrameData(f.Payload); code != ws.StatusNormalClosure {
				return fmt.Errorf("closed with %d", code)
			}
			return nil
		case string(f.Payload) == movedNotice:
			m.mu.Lock()
			m.moved = append(m.moved, time.Now())
			m.mu.Unlock()
			m.told, m.fresh = 0, true
		case f.Header.OpCode == ws.OpBinary:
			if n := binary.BigEndian.Uint64(f.Payload); n != m.told {
				return fmt.Errorf("the backend's message %d came as %d", m.told, n)
			}
			m.told++
		default:
			if err := m.echo(f.Payload, unplanned.Load()); err != nil {
				return err
			}
		}
	}
}

// echo takes one of our own messages back. Some may be missing behind the last that a killed backend answered.
func (m *mover) echo(b []byte, unplanned bool) error {
	var n uint64
	if _, err := fmt.Sscan(string(b), &n); err != nil {
		return err
	}
	next := m.next.Load()
	if n < next || n > next && !(unplanned && m.fresh) {
		return fmt.Errorf("message %d came back as %d, right behind a move: %t", next, n, m.fresh)
	}
	m.lost += n - next
	m.fresh = false
	m.next.Store(n + 1)
	return nil
}

func (m *mover) say(size int) error {
	text := fmt.Sprint(m.sent.Add(1)-1, " ", strings.Repeat("x", size))
	return ws.WriteFrame(m.conn, ws.MaskFrameInPlace(ws.NewTextFrame([]byte(text))))
}

// since are the moves after a moment.
func (m *mover) since(t time.Time) (after []time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, at := range m.moved {
		if at.After(t) {
			after = append(after, at.Sub(t))
		}
	}
	return after
}

// movers are all sessions, with the gateway before three backends.
type movers struct {
	t         *testing.T
	p         *process
	backends  []*numbersBackend
	all       []*mover
	unplanned atomic.Bool
}

func (ms *movers) open(n int) {
	ms.t.Helper()
	ms.all = make([]*mover, n)
	const hands = 8
	var dialing sync.WaitGroup
	for h := range hands {
		dialing.Go(func() {
			for i := h; i < n; i += hands {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				conn, _, _, err := ws.Dial(ctx, fmt.Sprintf("ws://%s/%d", ms.p.Addr, i))
				cancel()
				if err != nil {
					ms.t.Error(err)
					return
				}
				m := &mover{conn: conn, ended: make(chan error, 1)}
				go func() { m.ended <- m.listen(&ms.unplanned) }()
				ms.all[i] = m
			}
		})
	}
	dialing.Wait()
	ms.t.Cleanup(func() {
		for _, m := range ms.all {
			if m != nil {
				_ = m.conn.Close()
			}
		}
	})
	if ms.t.Failed() {
		ms.t.FailNow()
	}
}

// talk has all sessions say some 2,000 messages a second in all while during runs, and then waits for the answers.
func (ms *movers) talk(during func()) {
	ms.t.Helper()
	stop := make(chan struct{})
	var busy sync.WaitGroup
	const hands = 8
	for h := range hands {
		busy.Go(func() {
			for round := 0; ; round++ {
				for i := h; i < len(ms.all); i += hands {
					select {
					case <-stop:
						return
					default:
					}
					_ = ms.all[i].say((i + 397*round) % 3000) // an error shows at the other end
				}
				time.Sleep(time.Duration(len(ms.all)) * 500 * time.Microsecond)
			}
		})
	}
	during()
	close(stop)
	busy.Wait()
	for i, m := range ms.all { // one more, behind which nothing is under way
		_ = m.say(0)
		for deadline := time.Now().Add(patience); m.next.Load() != m.sent.Load(); time.Sleep(time.Millisecond) {
			select {
			case err := <-m.ended:
				ms.t.Fatalf("session %d ended: %v", i, err)
			default:
			}
			if time.Now().After(deadline) {
				ms.t.Fatalf("session %d: %d of %d came back", i, m.next.Load(), m.sent.Load())
			}
		}
	}
}

type endpointNow struct {
	ID, Endpoint string
	Sessions     int
	State        string
}

func (ms *movers) endpoints() map[string]endpointNow {
	ms.t.Helper()
	var list []endpointNow
	if err := json.Unmarshal([]byte(body(ms.t, "http://"+ms.p.Admin+"/endpoints")), &list); err != nil {
		ms.t.Fatal(err)
	}
	all := map[string]endpointNow{}
	for _, e := range list {
		all[e.Endpoint] = e
	}
	return all
}

func (ms *movers) post(e endpointNow, what string) {
	ms.t.Helper()
	answer, err := http.Post("http://"+ms.p.Admin+"/endpoints/"+e.ID+"/"+what, "", nil)
	if err != nil {
		ms.t.Fatal(err)
	}
	defer answer.Body.Close()
	if b, _ := io.ReadAll(answer.Body); answer.StatusCode != 200 {
		ms.t.Fatalf("%s: %s %s", what, answer.Status, b)
	}
}

func (ms *movers) await(what string, done func() bool) {
	ms.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ms.t.Fatalf("waited in vain: %s; %v", what, ms.endpoints())
		}
	}
}

// restart replaces a backend as people do: drain, wait until it has no sessions, end it, start it, enable it.
func (ms *movers) restart(b *numbersBackend) {
	ms.t.Helper()
	ms.post(ms.endpoints()[b.url()], "drain")
	ms.await("the sessions leave "+b.url(), func() bool { return ms.endpoints()[b.url()].Sessions == 0 })
	ms.end(b, syscall.SIGTERM)
	b.start()
	ms.post(ms.endpoints()[b.url()], "enable")
	ms.await(b.url()+" is back", func() bool { return ms.endpoints()[b.url()].State == "healthy" })
}

func (ms *movers) end(b *numbersBackend, how syscall.Signal) {
	ms.t.Helper()
	_ = b.cmd.Process.Signal(how)
	ms.await(b.url()+" ends", func() bool { // another one waits for the process
		c, err := net.Dial("tcp", b.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
}

// TestSessionsOutliveTheirBackends has sessions talk while each of three backends is drained and restarted: no client is closed, and
// no message lost, doubled or out of order. Then one is killed: every client goes on, and what is missing lies behind the last
// message that it answered.
func TestSessionsOutliveTheirBackends(t *testing.T) {
	for _, way := range []string{"tunnel", "pool"} {
		t.Run(way, func(t *testing.T) {
			ms := &movers{t: t}
			var urls []string
			for i := range 3 {
				ms.backends = append(ms.backends, startNumbers(t, way, i%2 == 0))
				urls = append(urls, ms.backends[i].url())
			}
			file := filepath.Join(t.TempDir(), "weir.yaml")
			text := "upstream: ['" + strings.Join(urls, "', '") + "']\non-backend-loss: reopen\nreopen-notice: " + movedNotice +
				"\nbalance: least\nhealth-interval: 200ms\naccess-log: off\nloops: 2\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			ms.p = startBinary(t, 0, "--config", file)
			ms.open(*movesSessions)
			began := time.Now()
			ms.talk(func() {
				for _, b := range ms.backends {
					ms.restart(b)
				}
			})
			t.Logf("%d sessions, 3 backends drained and restarted in %v: %s", len(ms.all), time.Since(began).Round(time.Millisecond), ms.moves())
			ms.kill()
			ms.close()
			ms.p.terminate(t)
		})
	}
}

// kill ends the backend with the most sessions, without a word.
func (ms *movers) kill() {
	ms.t.Helper()
	ms.unplanned.Store(true)
	now := ms.endpoints()
	b := slices.MaxFunc(ms.backends, func(a, b *numbersBackend) int { return now[a.url()].Sessions - now[b.url()].Sessions })
	on := now[b.url()].Sessions
	var killed time.Time
	var took []time.Duration
	ms.talk(func() {
		time.Sleep(200 * time.Millisecond) // so that messages are under way
		killed = time.Now()
		_ = b.cmd.Process.Kill()
		ms.await("all go on", func() bool {
			took = took[:0]
			for _, m := range ms.all {
				took = append(took, m.since(killed)...)
			}
			return len(took) >= on
		})
	})
	slices.Sort(took)
	lost := uint64(0)
	for _, m := range ms.all {
		lost += m.lost
	}
	ms.t.Logf("a backend with %d sessions was killed; they went on after %v (half), %v (last); %d messages that it had not answered are lost: %s",
		on, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), lost, ms.moves())
}

var movesSeries = regexp.MustCompile(`(?m)^weir_moves_(?:total\{reason="(\w+)",outcome="(\w+)"\}|(cut_messages)_total) ([1-9]\d*)$`)

// moves are what the gateway has counted.
func (ms *movers) moves() string {
	ms.t.Helper()
	var all []string
	for _, m := range movesSeries.FindAllStringSubmatch(body(ms.t, "http://"+ms.p.Admin+"/metrics"), -1) {
		all = append(all, strings.Join(strings.Fields(strings.Join(m[1:], " ")), " "))
	}
	return strings.Join(all, ", ")
}

// close ends all sessions in order.
func (ms *movers) close() {
	ms.t.Helper()
	for i, m := range ms.all {
		err := ws.WriteFrame(m.conn, ws.MaskFrameInPlace(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))))
		select {
		case end := <-m.ended:
			err = errors.Join(err, end)
		case <-time.After(patience):
			err = errors.New("no answer to a close frame")
		}
		if err != nil {
			ms.t.Errorf("session %d: %v", i, err)
		}
	}
	ms.await("all sessions have gone", func() bool {
		n := 0
		for _, e := range ms.endpoints() {
			n += e.Sessions
		}
		return n == 0
	})
}
