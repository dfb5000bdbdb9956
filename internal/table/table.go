package table

// Keyed is what a table can hold: the key is part of the object and does not change while it is held.
type Keyed interface {
	comparable
	Key() uint32
}

// Table finds objects by their key, by linear probing. Its zero value is empty. It is not safe for concurrent use.
type Table[T Keyed] struct {
	slots []T // a power of two, at most three quarters full; the zero T is an empty slot
	n     int
}

const minSlots = 8

// Len is the number of objects held.
func (t *Table[T]) Len() int { return t.n }

// Get is the object with that key, or the zero T.
func (t *Table[T]) Get(key uint32) T {
	var none T
	if t.n == 0 {
		return none
	}
	for i := t.home(key); ; i = t.next(i) {
		if v := t.slots[i]; v == none || v.Key() == key {
			return v
		}
	}
}

// Put holds v, in place of what had its key.
func (t *Table[T]) Put(v T) {
	if (t.n+1)*4 > len(t.slots)*3 {
		t.resize(max(minSlots, 2*len(t.slots)))
	}
	var none T
	key := v.Key()
	i := t.home(key)
	for ; t.slots[i] != none; i = t.next(i) {
		if t.slots[i].Key() == key {
			t.slots[i] = v
			return
		}
	}
	t.slots[i] = v
	t.n++
}

// Delete lets go of the object with that key, if there is one. What was pushed past its slot moves back, so that
// there are no marks to be passed over; a table nearly empty shrinks.
func (t *Table[T]) Delete(key uint32) {
	var none T
	if t.n == 0 {
		return
	}
	i := t.home(key)
	for ; t.slots[i] == none || t.slots[i].Key() != key; i = t.next(i) {
		if t.slots[i] == none {
			return
		}
	}
	t.n--
	for j := t.next(i); t.slots[j] != none; j = t.next(j) {
		if home := t.home(t.slots[j].Key()); t.distance(home, j) >= t.distance(i, j) {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = none
	if len(t.slots) > minSlots && t.n*8 < len(t.slots) {
		t.resize(len(t.slots) / 2)
	}
}

// All are the objects held, in no order, at this moment: a copy, so that the table may change while they are used.
func (t *Table[T]) All() []T {
	var none T
	all := make([]T, 0, t.n)
	for _, v := range t.slots {
		if v != none {
			all = append(all, v)
		}
	}
	return all
}

func (t *Table[T]) resize(slots int) {
	var none T
	old := t.slots
	t.slots = make([]T, slots)
	for _, v := range old {
		if v == none {
			continue
		}
		i := t.home(v.Key())
		for t.slots[i] != none {
			i = t.next(i)
		}
		t.slots[i] = v
	}
}

// home is where a key belongs. The multiplier (2^32 divided by the golden ratio) spreads numbers given out in a row.
func (t *Table[T]) home(key uint32) int { return int(key*0x9E3779B9>>8) & (len(t.slots) - 1) }

func (t *Table[T]) next(i int) int { return (i + 1) & (len(t.slots) - 1) }

func (t *Table[T]) distance(from, to int) int { return (to - from) & (len(t.slots) - 1) }
