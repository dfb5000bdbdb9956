package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/gateway/limits"
)

// maxWaiting bounds how many requests wait for a key set at once. Of these an address may have as many as are free.
const maxWaiting = 256

// remote keeps a key set from a URL fresh. One goroutine fetches; requests only ask it to and wait.
type remote struct {
	// Immutable.
	url     string
	client  *http.Client
	allowed map[string]algorithm
	times   fetchTimes
	now     func() time.Time
	told    func(err error)
	nudge   chan struct{} // holds one
	waiting *limits.Shares
	ctx     context.Context
	stop    context.CancelFunc
	ended   chan struct{} // closed when the goroutine has ended; nil: it never ran

	// Any goroutine.
	ring   atomic.Pointer[keyring] // nil: none yet
	failed atomic.Bool             // the last fetch did

	mu     sync.Mutex
	asked  time.Time     // when the last fetch was asked for or begun
	flight chan struct{} // closed when the fetch asked for or under way has ended; nil: none
}

func newRemote(o *JWT, allowed map[string]algorithm, all *Options) *remote {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	s := &remote{url: o.URL, client: httpClient(t), allowed: allowed, times: o.times, now: all.Now, told: all.OnFetch, nudge: make(chan struct{}, 1), waiting: limits.NewShares(maxWaiting, all.IPv6Prefix)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// key is by what the same set is known again.
func (s *remote) key() string {
	return fmt.Sprintf("key set\x00%s %q", s.url, slices.Sorted(maps.Keys(s.allowed)))
}

func (s *remote) start() {
	s.ended = make(chan struct{})
	go s.run()
}

func (s *remote) close() {
	s.stop()
	if s.ended != nil {
		<-s.ended
	}
}

// run fetches at once, then every interval, on a nudge, and once a window while that fails.
func (s *remote) run() {
	defer close(s.ended)
	for s.ctx.Err() == nil {
		s.begin()
		err := s.fetch()
		s.finish(err)
		wait := s.times.interval - time.Duration(rand.Int64N(int64(s.times.interval)/10+1)) // a fleet started at once spreads out
		if err != nil {
			wait = min(wait, s.times.window)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.nudge:
		case <-s.ctx.Done():
		}
		timer.Stop()
	}
}

func (s *remote) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil {
		s.flight = make(chan struct{})
	}
	s.asked = s.now()
	select { // one asked for just now is this one
	case <-s.nudge:
	default:
	}
}

func (s *remote) finish(err error) {
	s.failed.Store(err != nil)
	s.mu.Lock()
	close(s.flight)
	s.flight = nil
	s.mu.Unlock()
	if s.ctx.Err() == nil {
		s.told(err)
	}
}

// may tells whether a request may wait for a fetch: one under way, or one more in this window.
func (s *remote) may(client netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting.Room(client) && (s.flight != nil || s.due())
}

// stale tells that the set may lack a key since it could not be fetched.
func (s *remote) stale() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.Load() == nil || s.failed.Load() || s.flight != nil
}

func (s *remote) due() bool { return s.now().Sub(s.asked).Abs() >= s.times.window }

// await waits for the fetch under way, or asks for one if the window allows. It tells whether it has seen one end.
func (s *remote) await(ctx context.Context, client netip.Addr) bool {
	if !s.waiting.Enter(client) {
		return false
	}
	defer s.waiting.Leave(client)
	s.mu.Lock()
	if s.flight == nil {
		if !s.due() {
			s.mu.Unlock()
			return false
		}
		s.ask()
	}
	flight := s.flight
	s.mu.Unlock()
	select {
	case <-flight:
		return true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return false
}

// refetch asks for a fetch whatever the window says, and does not wait for it. One under way serves as well.
func (s *remote) refetch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil {
		s.ask()
	}
}

// ask has a fetch begin. The caller holds the lock and has seen that there is none.
func (s *remote) ask() {
	s.flight, s.asked = make(chan struct{}), s.now()
	s.nudge <- struct{}{} // there is room: begin has taken the one before
}

// fetch gets the set. The old one stays unless the new one can be used.
func (s *remote) fetch() error {
	ctx, cancel := context.WithTimeout(s.ctx, s.times.timeout)
	defer cancel()
	kr, err := get(ctx, s.client, s.url)
	if err == nil {
		err = kr.check(s.allowed)
	}
	if err != nil {
		left := "the last one stays in use"
		if s.ring.Load() == nil {
			left = "there is none yet, so tokens get 503"
		}
		return fmt.Errorf("key set %s: %w; %s", shown(s.url), err, left)
	}
	s.ring.Store(kr)
	return nil
}

func get(ctx context.Context, client *http.Client, from string) (*keyring, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, unwrapURL(err)
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := client.Do(r)
	if err != nil {
		return nil, unwrapURL(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("was answered with status %d (redirects are not followed)", answer.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	return parseKeySet(b, false)
}

// unwrapURL takes the URL out of net/http's errors: its query may hold a credential.
func unwrapURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// shown is a URL as far as it may be told.
func shown(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(malformed URL)"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// httpClient follows no redirects: each could lead where the operator did not point.
func httpClient(t *http.Transport) *http.Client {
	t.ForceAttemptHTTP2 = true
	t.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
