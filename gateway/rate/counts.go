package rate

// Counts holds how many of something there are now for each key, such as connections of an address. It needs memory as
// a Table does, for keys with at least one. For any goroutine.
type Counts struct {
	cells *cells
}

// A cell's number is one more than the count, as 0 would be an empty slot.
const nobody = 1

// NewCounts makes room for max keys, or somewhat more. As a key without a place is refused, make it as many as there can
// be entered at the same time.
func NewCounts(max int) *Counts { return &Counts{newCells(max)} }

// Enter counts one more for key, unless there are limit already.
func (c *Counts) Enter(key Key, limit int) (ok bool) {
	if limit < 1 {
		return false
	}
	s, hash := c.cells.lock(&key)
	defer s.mu.Unlock()
	at := c.cells.place(s, &key, hash, nobody)
	if at == nil || at.number-nobody >= int64(limit) {
		return false
	}
	at.number = max(at.number, nobody) + 1
	return true
}

// Leave takes one off again. Each Enter that was ok is to have one Leave.
func (c *Counts) Leave(key Key) {
	s, hash := c.cells.lock(&key)
	defer s.mu.Unlock()
	if at, known := s.look(&key, hash); known && at.number > nobody {
		at.number--
	}
}

// Count is how many there are for key.
func (c *Counts) Count(key Key) int {
	s, hash := c.cells.lock(&key)
	defer s.mu.Unlock()
	if at, known := s.look(&key, hash); known {
		return int(at.number - nobody)
	}
	return 0
}

// Sweep is Table.Sweep for keys that all have left.
func (c *Counts) Sweep() { c.cells.sweep(nobody) }

// Len is the number of keys held, with those that all have left until their place is needed.
func (c *Counts) Len() int { return c.cells.len() }

// Crowded is how often a key found no place.
func (c *Counts) Crowded() uint64 { return c.cells.crowded.Load() }
