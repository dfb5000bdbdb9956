package rate

import "time"

// Table holds a bucket for each key under one limit. It makes room as keys come, up to 80 bytes for each of the number
// it is made for; a key whose bucket is full again needs none. A key that finds no place, as so many others have
// taken tokens lately, passes uncounted: a flood of made-up sources shuts nobody out. For any goroutine.
type Table struct {
	limit Limit
	cells *cells
}

// NewTable makes a table with room for max keys, or somewhat more. Another limit needs another table.
func NewTable(l Limit, max int) *Table {
	return &Table{limit: l, cells: newCells(max)}
}

// Take is Bucket.Take for the key's bucket.
func (t *Table) Take(key Key, now time.Duration, n float64) (ok bool) {
	switch {
	case !t.limit.applies(n):
		return true
	case n > t.limit.Burst:
		return false
	}
	s, hash := t.cells.lock(&key)
	defer s.mu.Unlock()
	c := t.cells.place(s, &key, hash, ticks(now))
	if c == nil {
		return true
	}
	b := Bucket{c.number}
	ok = b.Take(&t.limit, now, n)
	c.number = b.full
	return ok
}

// Give is Bucket.Give for the key's bucket.
func (t *Table) Give(key Key, n float64) {
	s, hash := t.cells.lock(&key)
	defer s.mu.Unlock()
	if c, known := s.look(&key, hash); known {
		b := Bucket{c.number}
		b.Give(&t.limit, n)
		c.number = max(b.full, 1) // 0 is an empty slot
	}
}

// Spend is Bucket.Spend for the key's bucket.
func (t *Table) Spend(key Key, now time.Duration, n float64) time.Duration {
	if !t.limit.applies(n) {
		return 0
	}
	s, hash := t.cells.lock(&key)
	defer s.mu.Unlock()
	c := t.cells.place(s, &key, hash, ticks(now))
	if c == nil {
		return 0
	}
	b := Bucket{c.number}
	wait := b.Spend(&t.limit, now, n)
	c.number = b.full
	return wait
}

// Wait is Bucket.Wait for the key's bucket. A key without one could take its tokens now, if it finds a place.
func (t *Table) Wait(key Key, now time.Duration, n float64) time.Duration {
	s, hash := t.cells.lock(&key)
	defer s.mu.Unlock()
	var b Bucket
	if c, known := s.look(&key, hash); known {
		b.full = c.number
	}
	return b.Wait(&t.limit, now, n)
}

// Sweep gives back the memory of keys whose buckets are full again, in one shard a call, some tens of microseconds.
// Nothing depends on it: a call a second from one loop has a table of any size shrink within minutes of a flood.
func (t *Table) Sweep(now time.Duration) { t.cells.sweep(ticks(now)) }

// Len is the number of keys held, with those whose buckets are full again until their place is needed.
func (t *Table) Len() int { return t.cells.len() }

// Crowded is how often a key found no place, and passed uncounted.
func (t *Table) Crowded() uint64 { return t.cells.crowded.Load() }
