package h2

const (
	fieldCost = 32 // what a field takes of a table's size besides its bytes (RFC 7541 section 4.1)
	maxRows   = defaultTable / fieldCost
	staticLen = 61 // places of the static table, before which no field of the dynamic one stands
)

// table is the sender's half of HPACK's dynamic table (RFC 7541 section 2.3.2): a queue that fields enter by being sent
// and leave as its size demands, oldest first. Fields are numbered from 1 in the order that they came. The receiver
// does the same with what it reads, so both agree on which field an index means.
type table struct {
	size, limit int    // bytes, as section 4.1 counts; limit is defaultTable at most
	oldest      uint64 // number of the field that leaves next
	next        uint64 // number of the field that comes next

	rows   [maxRows]row       // by number
	newest [len(names)]uint64 // the last field of each name, which may have left

	// Values lie behind one another, and from the start again where there is no room up to the end. What is skipped
	// there is less than the value that had no room, so twice the limit holds all.
	values [2 * defaultTable]byte
	end    int // of the newest value
}

type row struct {
	older    uint64 // number of the last field with that name before, which may have left
	from, to uint16 // its value
	name     uint8
}

func newTable() table { return table{limit: defaultTable, oldest: 1, next: 1} }

// append encodes a field in as few bytes as can be: as an index, or as a literal that gets one.
func (t *table) append(dst []byte, id int, value []byte) []byte {
	n := &names[id]
	for i := range n.values {
		if string(value) == n.values[i] {
			return appendInt(dst, indexed, n.static+i)
		}
	}
	for at := t.newest[id]; at >= t.oldest; at = t.row(at).older {
		if r := t.row(at); string(value) == string(t.values[r.from:r.to]) {
			return appendInt(dst, indexed, t.index(at))
		}
	}
	form := incremental
	if fieldCost+len(n.text)+len(value) > t.limit {
		form = literal
	}
	switch {
	case n.static > 0:
		dst = appendInt(dst, form, n.static)
	case t.newest[id] >= t.oldest:
		dst = appendInt(dst, form, t.index(t.newest[id]))
	default:
		dst = appendText(appendInt(dst, form, 0), n.text)
	}
	if form == incremental {
		t.add(id, value)
	}
	return appendText(dst, value)
}

func (t *table) row(number uint64) *row { return &t.rows[number%maxRows] }

// index is the place of a field of the table: the newest comes first, behind the static table.
func (t *table) index(number uint64) int { return staticLen + int(t.next-number) }

// add enters a field that fits into the limit.
func (t *table) add(id int, value []byte) {
	t.shrink(t.limit - fieldCost - len(names[id].text) - len(value))
	if t.end+len(value) > len(t.values) {
		t.end = 0
	}
	r := row{older: t.newest[id], from: uint16(t.end), name: uint8(id)}
	t.end += copy(t.values[t.end:], value)
	r.to = uint16(t.end)
	*t.row(t.next) = r
	t.newest[id] = t.next
	t.next++
	t.size += t.cost(&r)
}

func (t *table) cost(r *row) int { return fieldCost + len(names[r.name].text) + int(r.to-r.from) }

// shrink lets fields go until no more than size is taken.
func (t *table) shrink(size int) {
	for ; t.size > size; t.oldest++ {
		t.size -= t.cost(t.row(t.oldest))
	}
}

// resize changes the limit, which the receiver is to be told at the start of a block.
func (t *table) resize(limit int) {
	t.limit = limit
	t.shrink(limit)
}
