package rate

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// cells are numbers by key, behind locks. A number at or below a mark that the user gives has ended: its cell is
// given up when its shard runs out of empty ones. So nobody has to take anything out, and no clean-up has to run.
type cells struct {
	// Immutable.
	seed   maphash.Seed
	shards []shard // a power of two
	most   int     // slots of a shard

	// Any goroutine.
	turn    atomic.Uint32 // the shard to sweep next
	crowded atomic.Uint64 // keys that found no place
}

// shard is a hash table with linear probing, at most three quarters full.
type shard struct {
	mu    sync.Mutex
	slots []cell // a power of two; grows when none may be used any more
	used  int    // slots that are not empty, ended or not
	asked int    // new keys since the last rebuild
	hand  int    // the slot to look at next for what has ended
	_     [8]byte
}

// cell is 24 bytes.
type cell struct {
	key    Key
	number int64 // 0: an empty slot
}

const (
	maxShards   = 1024
	minPerShard = 1024 // keys; with fewer they would spread too unevenly
	minSlots    = 8
)

// newCells makes room for n keys. A shard has slots for 8/5 of its part at least, as some get more than others.
func newCells(n int) *cells {
	shards := 1
	for shards < maxShards && n/(2*shards) >= minPerShard {
		shards *= 2
	}
	return &cells{seed: maphash.MakeSeed(), shards: make([]shard, shards), most: slotsFor((n + shards - 1) / shards)}
}

// slotsFor are so many that n cells fill at most 5/8 of them.
func slotsFor(n int) int {
	slots := minSlots
	for n*8 > slots*5 {
		slots *= 2
	}
	return slots
}

// lock gives the key's shard, locked, and the hash that places the key in it.
func (c *cells) lock(key *Key) (*shard, uint64) {
	hash := c.hash(key)
	s := &c.shards[hash>>32&uint64(len(c.shards)-1)]
	s.mu.Lock()
	return s, hash
}

func (c *cells) hash(key *Key) uint64 { return maphash.Bytes(c.seed, key[:]) }

// place is the cell of key, its own or an empty one, which the caller has to fill before it unlocks s. It is nil if the
// shard is full.
func (c *cells) place(s *shard, key *Key, hash uint64, ended int64) *cell {
	at, known := s.look(key, hash)
	if known {
		return at
	}
	s.asked++
	if !s.hasRoom() && (len(s.slots) < c.most || s.isWorth(ended)) {
		c.rebuild(s, ended, len(s.slots))
		at, _ = s.look(key, hash)
	}
	if !s.hasRoom() {
		c.crowded.Add(1)
		return nil
	}
	s.used++
	at.key = *key
	return at
}

// hasRoom tells whether one more slot may be used; the empty ones end each search.
func (s *shard) hasRoom() bool { return (s.used+1)*4 <= len(s.slots)*3 }

// isWorth tells whether a full shard is to be rebuilt. It is if one of a few slots has ended, so that after a flood the
// first key finds a place; and else once for many new keys, so that in a flood each pays little.
func (s *shard) isWorth(ended int64) bool {
	const few = 16
	for range few {
		s.hand = (s.hand + 1) & (len(s.slots) - 1)
		if n := s.slots[s.hand].number; n != 0 && n <= ended {
			return true
		}
	}
	return s.asked*few >= len(s.slots)
}

// look finds the cell of key, or else the empty one where it would be, nil without slots.
func (s *shard) look(key *Key, hash uint64) (at *cell, known bool) {
	if len(s.slots) == 0 {
		return nil, false
	}
	mask := uint64(len(s.slots) - 1)
	for i := hash; ; i++ {
		switch at = &s.slots[i&mask]; {
		case at.number == 0:
			return at, false
		case at.key == *key:
			return at, true
		}
	}
}

// rebuild leaves out what has ended, and grows or, down to least slots, shrinks to what the others need. A shard has a
// few thousand slots, so that this takes some tens of microseconds.
func (c *cells) rebuild(s *shard, ended int64, least int) {
	alive := 0
	for i := range s.slots {
		if s.slots[i].number > ended {
			alive++
		}
	}
	ends := s.used > alive
	s.used, s.asked = alive, 0
	if slots := max(min(slotsFor(alive), c.most), least); slots != len(s.slots) {
		c.resize(s, slots, ended)
	} else if ends {
		c.compact(s, ended)
	}
}

func (c *cells) resize(s *shard, slots int, ended int64) {
	old := s.slots
	s.slots, s.hand = make([]cell, slots), 0
	for i := range old {
		if old[i].number > ended {
			c.put(s, old[i])
		}
	}
}

// compact begins behind an empty slot, which no key's way crosses, and puts one key after the other anew: each comes to
// its old slot or to one before it, of which all up to there have been done.
func (c *cells) compact(s *shard, ended int64) {
	start := slices.IndexFunc(s.slots, func(at cell) bool { return at.number == 0 })
	for i := range s.slots {
		at := &s.slots[(start+i)&(len(s.slots)-1)]
		this := *at
		*at = cell{}
		if this.number > ended {
			c.put(s, this)
		}
	}
}

// put adds what s does not hold.
func (c *cells) put(s *shard, this cell) {
	at, _ := s.look(&this.key, c.hash(&this.key))
	*at = this
}

// sweep rebuilds the next shard, which also gives memory back after a flood.
func (c *cells) sweep(ended int64) {
	s := &c.shards[c.turn.Add(1)&uint32(len(c.shards)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.slots) > 0 {
		c.rebuild(s, ended, minSlots)
	}
}

// len counts cells that have not been found to have ended.
func (c *cells) len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.used
		s.mu.Unlock()
	}
	return n
}
