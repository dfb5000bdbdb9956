package certs

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/watch"
)

// Store keeps certificates, authorities and ticket keys, and answers handshakes with them.
type Store struct {
	// immutable
	options Options
	config  *tls.Config
	acme    *acmeStore // nil: none
	stop    context.CancelFunc
	ctx     context.Context
	watch   sync.WaitGroup

	// under lock
	lock        sync.Mutex
	sources     []source // all of the following
	pairs       []*watch.Files[*tls.Certificate]
	authorities map[string]*watch.Files[authorities] // by file
	keys        *watch.Files[[]ticketKey]            // nil: made of secrets
	rings       rings

	// under telling, which also keeps calls of OnReload and OnOutcome apart
	telling sync.Mutex
	closed  bool

	// any goroutine
	view atomic.Pointer[view]
}

// source is a file, or a pair.
type source interface {
	Look() watch.Outcome
	Key() string
}

// Files gives what is made of files, by their keys, to a Store that follows.
func (s *Store) Files(key string) any {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, f := range s.sources {
		if f.Key() == key {
			return f
		}
	}
	return nil
}

// New reads everything. Its error names each file that is missing or wrong, with what to do.
func New(o Options) (*Store, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Secrets == nil {
		o.Secrets = new(Secrets)
	}
	s := &Store{options: o, authorities: map[string]*watch.Files[authorities]{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.open()
	if err := s.load(); err != nil {
		return nil, err
	}
	s.config = &tls.Config{
		GetConfigForClient:     s.configFor,
		NextProtos:             o.ALPN, // net/http looks here for h2
		SessionTicketsDisabled: true,   // keys are the sites'; this spares the ones nobody would use
	}
	return s, nil
}

// Check reads everything as New does, and tells of warnings in the same way. Nothing is kept, made or begun.
func Check(o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	s := &Store{options: o, authorities: map[string]*watch.Files[authorities]{}}
	s.open()
	_, outcomes, err := s.look()
	s.warn(outcomes)
	if o.ACME != nil {
		_, failed := o.ACME.roots()
		err = errors.Join(err, failed)
	}
	return err
}

// open lists the sources; look reads them.
func (s *Store) open() {
	o := &s.options
	for i, p := range o.Pairs {
		s.pairs = append(s.pairs, pairSource(p, i == 0))
		s.pairs[i].Past = o.Past
		s.sources = append(s.sources, s.pairs[i])
	}
	for _, site := range o.sites() {
		if file := site.caFile(o); site.ClientAuth != Off && s.authorities[file] == nil {
			s.authorities[file] = authoritySource(file)
			s.authorities[file].Past = o.Past
			s.sources = append(s.sources, s.authorities[file])
		}
	}
	if o.Tickets && o.TicketKeys != "" {
		s.keys = ticketSource(o.TicketKeys)
		s.keys.Past = o.Past
		s.sources = append(s.sources, s.keys)
	}
	o.Past = nil // or no configuration would ever be gone
}

// load reads everything for the first time. There is nothing to fall back on, so failures are New's.
func (s *Store) load() (err error) {
	_, outcomes, err := s.look()
	if s.options.ACME != nil {
		var failed error
		s.acme, failed = newACME(s.ctx, s.options.ACME, len(s.options.Pairs) == 0 && !s.options.RejectUnknown, s.tellACME)
		err = errors.Join(err, failed)
	}
	if err != nil {
		s.Close()
		return err
	}
	s.view.Store(s.build())
	s.warn(outcomes)
	return nil
}

func (s *Store) warn(outcomes []watch.Outcome) {
	for _, out := range outcomes {
		if out.Warning != nil {
			s.tell(out.What, out.Warning)
		}
	}
}

// Config is for tls.Server, shared by all connections; theirs must have addresses. It never changes; its answers do.
func (s *Store) Config() *tls.Config { return s.config }

// Start begins to watch the files and to obtain and renew certificates by ACME. The listeners must be open by then.
func (s *Store) Start() {
	if s.options.ReloadInterval > 0 {
		s.watch.Go(s.run)
	}
	if s.options.Tickets && s.keys == nil {
		s.watch.Go(s.renewTickets)
	}
	s.acme.start(s.ctx)
}

func (s *Store) run() {
	ticker := time.NewTicker(s.options.ReloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = s.refresh(false) // was told
		case <-s.ctx.Done():
			return
		}
	}
}

// Close ends what Start began. Config goes on working with what it has.
func (s *Store) Close() {
	s.telling.Lock()
	again := s.closed
	s.closed = true
	s.telling.Unlock()
	if again {
		return
	}
	s.stop()
	s.watch.Wait()
	s.acme.close()
}

// Reload reads all files again. What fails keeps its old value; the error names all of it, and OnReload is told too.
func (s *Store) Reload() error { return s.refresh(true) }

// refresh tells of changes, and of failures if they are new or it is done again on demand.
func (s *Store) refresh(again bool) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	changed, outcomes, err := s.look()
	if changed {
		s.view.Store(s.build())
	}
	for _, out := range outcomes { // after the view, so that what is told is true
		out.Tell(again, s.tell)
	}
	return err
}

// look looks at every source; err is all that failed. The caller holds the lock.
func (s *Store) look() (changed bool, outcomes []watch.Outcome, err error) {
	for _, source := range s.sources {
		out := source.Look()
		changed, outcomes = changed || out.Changed, append(outcomes, out)
	}
	return changed, outcomes, watch.Failures(outcomes...)
}

func (s *Store) tell(what string, err error) { s.call(s.options.OnReload, what, err) }

func (s *Store) tellACME(what string, err error) { s.call(s.options.ACME.OnOutcome, what, err) }

func (s *Store) call(told func(string, error), what string, err error) {
	s.telling.Lock()
	defer s.telling.Unlock()
	if told != nil && !s.closed {
		told(what, err)
	}
}

// Expiry is when the first of a name's certificates ends.
type Expiry struct {
	Name     string
	NotAfter time.Time
}

// Expiries are those of all certificates served, sorted by name: the leaf's first name, "" if it has none.
func (s *Store) Expiries() []Expiry {
	s.lock.Lock()
	all := s.acme.expiries()
	for _, p := range s.pairs {
		e := Expiry{NotAfter: p.Value().Leaf.NotAfter}
		if names := p.Value().Leaf.DNSNames; len(names) > 0 {
			e.Name = names[0]
		}
		all = append(all, e)
	}
	s.lock.Unlock()
	slices.SortFunc(all, func(a, b Expiry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.NotAfter.Compare(b.NotAfter))
	})
	return slices.CompactFunc(all, func(a, b Expiry) bool { return a.Name == b.Name })
}
