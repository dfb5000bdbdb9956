package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"weir/gateway/limits"
	"weir/internal/watch"
)

// maxQueued is how many calls may wait for their turn, for each that may run at once. An address may have as many as are free.
const maxQueued = 16

// forward decides by asking an HTTP service.
type forward struct {
	// Immutable.
	options  Forward
	optional bool
	client   *http.Client
	seal     seal
	ctx      context.Context
	stop     context.CancelFunc
	slots    *limits.Turns  // one for each call under way
	queued   *limits.Shares // of them, and of those that wait
	failures *Failures
	told     func(error)

	// Any goroutine. The good and the refused are apart: a flood of bad credentials must not push out good ones.
	good, refused *memory[Outcome]

	mu    sync.Mutex
	calls map[digest]*call
	all   sync.WaitGroup // their goroutines
}

// call is shared by all who would ask the same.
type call struct {
	done chan struct{}
	out  Outcome // once done is closed
}

func forwardMethod(o *Options) (method, error) {
	if o.Forward == nil {
		return nil, nil
	}
	fo := *o.Forward
	n := fo.bounds.concurrency
	t := &http.Transport{MaxConnsPerHost: n, MaxIdleConnsPerHost: n, IdleConnTimeout: 30 * time.Second, DisableCompression: true}
	f := &forward{
		options: fo, optional: o.Optional, client: httpClient(t), seal: newSeal(), slots: limits.NewTurns(n, o.IPv6Prefix),
		queued: limits.NewShares(n*(1+maxQueued), o.IPv6Prefix), failures: o.Failures,
		good: newMemory[Outcome](fo.bounds.cacheSize, fo.TTL, o.Now), refused: newMemory[Outcome](fo.bounds.cacheSize, fo.NegativeTTL, o.Now),
		calls: make(map[digest]*call), told: o.OnSilence,
	}
	if was := inherited[*forward](o.Past, f.key()); was != nil { // its answers count as long as they would have
		f.seal, f.good, f.refused = was.seal, was.good, was.refused
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f, nil
}

// key is by what the same service, asked in the same way, is known again.
func (f *forward) key() string { return fmt.Sprintf("auth service\x00%#v", f.options) }

// guess counts passwords alone: whether another credential has only expired, the service does not tell.
func (f *forward) guess(r *Request) bool { return hasPassword(r) }

func (f *forward) reload() []watch.Outcome { return nil }

func (f *forward) file(key string) any {
	if f.key() == key {
		return f
	}
	return nil
}

func (f *forward) close() {
	f.mu.Lock() // no call begins behind this
	f.stop()
	f.mu.Unlock()
	f.all.Wait()
	f.client.CloseIdleConnections()
}

func (f *forward) now(r *Request) (Outcome, verdict) {
	if f.optional && !hasCredential(r) {
		return Outcome{}, absent
	}
	d := f.digest(r)
	if out, ok := f.recall(d); ok {
		return out, decided
	}
	return Outcome{}, waits
}

func (f *forward) recall(d digest) (Outcome, bool) {
	if out, ok := f.good.get(d); ok {
		return out, true
	}
	return f.refused.get(d)
}

func (f *forward) wait(ctx context.Context, r *Request) Outcome {
	c, out := f.join(f.digest(r), r)
	if c == nil {
		return out
	}
	select {
	case <-c.done:
		return c.out
	case <-ctx.Done():
		return refuse(Unavailable, "no time was left to wait for the auth service")
	}
}

// join finds the call that asks the same, or begins one. Without a call the outcome is already there.
func (f *forward) join(d digest, r *Request) (*call, Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.calls[d]; c != nil {
		return c, Outcome{}
	}
	if out, ok := f.recall(d); ok { // it ended since now was asked
		return nil, out
	}
	if f.ctx.Err() != nil || !f.queued.Enter(r.Client) {
		return nil, refuse(Unavailable, "too many calls of the auth service wait")
	}
	c := &call{done: make(chan struct{})}
	f.calls[d] = c
	f.all.Add(1)
	go f.run(c, d, r.Clone()) // r's owner may give up first
	return c, Outcome{}
}

func (f *forward) run(c *call, d digest, r *Request) {
	defer f.all.Done()
	out, table := f.ask(r)
	c.out = out
	f.mu.Lock()
	if table != nil {
		table.put(d, out)
	}
	delete(f.calls, d)
	f.mu.Unlock()
	close(c.done)
	f.queued.Leave(r.Client)
}

// ask calls the service when there is a slot. table is where the outcome is to be remembered, nil for nowhere.
func (f *forward) ask(r *Request) (out Outcome, table *memory[Outcome]) {
	ctx, cancel := context.WithTimeout(f.ctx, f.options.Timeout)
	defer cancel()
	slot := f.slots.Wait
	if f.failures.isLast(r) {
		slot = f.slots.WaitLast
	}
	if !slot(ctx, r.Client) {
		f.silent(errors.New("no call could be made in time: too many take too long"))
		return refuse(Unavailable, "no answer from the auth service in time"), nil
	}
	defer f.slots.Done()
	answer, err := f.client.Do(f.subrequest(ctx, r))
	if err != nil {
		f.silent(unwrapURL(err))
		return refuse(Unavailable, "no answer from the auth service"), nil
	}
	defer drain(answer)
	out, table = f.judge(answer, !hasCredential(r))
	if out.Refusal == Unavailable {
		f.silent(fmt.Errorf("status %d: %s", answer.StatusCode, out.Detail))
	}
	return out, table
}

// silent tells of a call that decided nothing, unless it was broken off from here.
func (f *forward) silent(err error) {
	if f.ctx.Err() == nil {
		f.told(fmt.Errorf("auth service %s: %w", shown(f.options.URL), err))
	}
}
