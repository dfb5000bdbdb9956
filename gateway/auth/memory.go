package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// digest stands for a credential in a table. It is keyed, so that neither a dump of the table nor the choice of a
// credential is of use to anybody.
type digest [sha256.Size]byte

// seal makes digests. Its key lives as long as the process.
type seal [32]byte

func newSeal() (s seal) {
	rand.Read(s[:]) // never fails
	return s
}

func (s *seal) of(b []byte) (d digest) {
	mac := hmac.New(sha256.New, s[:])
	mac.Write(b)
	mac.Sum(d[:0])
	return d
}

// appendPart adds a part with its length, so that no two lists of parts read the same.
func appendPart[T string | []byte](dst []byte, part T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(part))), part...)
}

// memory remembers values for a time. Of a full one the oldest goes. For any goroutine.
type memory[V any] struct {
	// Immutable.
	size int
	ttl  time.Duration // 0: nothing is remembered
	now  func() time.Time

	mu      sync.Mutex
	entries map[digest]remembered[V]
	order   []digest // a ring of the keys as they came
	oldest  int      // in it, once it is full
}

type remembered[V any] struct {
	value V
	until time.Time
}

func newMemory[V any](size int, ttl time.Duration, now func() time.Time) *memory[V] {
	return &memory[V]{size: size, ttl: ttl, now: now, entries: make(map[digest]remembered[V])}
}

func (m *memory[V]) get(d digest) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[d]
	if !ok || !m.now().Before(e.until) {
		return value, false
	}
	return e.value, true
}

func (m *memory[V]) put(d digest, value V) {
	if m.ttl <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, again := m.entries[d]; !again {
		m.admit(d)
	}
	m.entries[d] = remembered[V]{value, m.now().Add(m.ttl)}
}

func (m *memory[V]) admit(d digest) {
	if len(m.order) < m.size {
		m.order = append(m.order, d)
		return
	}
	delete(m.entries, m.order[m.oldest])
	m.order[m.oldest] = d
	m.oldest = (m.oldest + 1) % m.size
}
