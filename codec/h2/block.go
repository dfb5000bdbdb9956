package h2

import (
	"errors"

	"golang.org/x/net/http2/hpack"

	"weir/codec/http1"
)

// maxHeaderList bounds a header list of whoever announces no bound, in bytes.
const maxHeaderList = 1 << 20

// block decodes header blocks, frame by frame as they come, into one header list. A block that is refused is decoded to
// its end nevertheless, since HPACK's table is shared by all of a connection (RFC 9113 section 4.3).
type block struct {
	// Immutable.
	maxSize          uint32
	maxFields        int
	maxContinuations int

	decoder *hpack.Decoder

	// The block under way.
	open          bool // CONTINUATION has to follow
	end           bool // END_STREAM
	stream        uint32
	continuations int
	size          uint32 // of the list, as RFC 9113 section 6.5.2 counts
	err           *Error

	// The list: text holds all names and values, cuts where each of them ends.
	text   []byte
	cuts   []int
	fields []http1.Field
	head   Head

	last []byte // the block that the list is of, if it is known again: see repeats
}

func (bl *block) init(ours Settings, lim Limits) {
	bl.maxSize = min(ours.MaxHeaderListSize, maxHeaderList)
	bl.maxFields, bl.maxContinuations = lim.Fields, lim.Continuations
	bl.decoder = hpack.NewDecoder(defaultTable, bl.add)
	// A peer may use the table's first size until our SETTINGS reach it, so nothing below that is enforced.
	bl.decoder.SetAllowedMaxDynamicTableSize(max(ours.HeaderTableSize, defaultTable))
	bl.decoder.SetMaxStringLength(max(1, int(bl.maxSize))) // 0 would be no limit
}

// begin enters the block of a HEADERS frame.
func (bl *block) begin(h Header) {
	bl.stream, bl.end = h.Stream, h.Flags.Has(FlagEndStream)
	bl.continuations, bl.size, bl.err = 0, 0, nil
	bl.text, bl.cuts, bl.last = bl.text[:0], bl.cuts[:0], bl.last[:0]
	bl.decoder.SetEmitEnabled(true)
}

// read decodes one frame's part of the block. An error ends the connection.
func (bl *block) read(p []byte, last bool) *Error {
	bl.open = !last
	_, err := bl.decoder.Write(p)
	if err == nil && last {
		err = bl.decoder.Close()
	}
	switch {
	case errors.Is(err, hpack.ErrStringLength):
		return stringTooLarge
	case err != nil:
		return compression
	}
	return nil
}

func (bl *block) add(f hpack.HeaderField) {
	bl.size += f.Size()
	switch {
	case bl.size > bl.maxSize:
		bl.err = headerListSize
	case len(bl.cuts) >= 2*bl.maxFields:
		bl.err = tooManyFields
	default:
		bl.text = append(bl.text, f.Name...)
		bl.cuts = append(bl.cuts, len(bl.text))
		bl.text = append(bl.text, f.Value...)
		bl.cuts = append(bl.cuts, len(bl.text))
		return
	}
	bl.decoder.SetEmitEnabled(false) // a table of 4 KiB fields, named by one byte each, would keep us busy
}

// list gives the fields of a block that has been read to its end.
func (bl *block) list() []http1.Field {
	bl.fields = bl.fields[:0]
	at := 0
	for i := 0; i < len(bl.cuts); i += 2 {
		name, value := bl.cuts[i], bl.cuts[i+1]
		bl.fields = append(bl.fields, http1.Field{Name: bl.text[at:name:name], Value: bl.text[name:value:value]})
		at = value
	}
	return bl.fields
}

// openHeaders enters a header block (RFC 9113 section 6.2).
func (r *Reader) openHeaders(h Header, p []byte, ev *Event) {
	pad := 0
	if h.Flags.Has(FlagPadded) {
		pad, p = int(p[0]), p[1:]
	}
	if h.Flags.Has(FlagPriority) {
		p = p[priorityLen:]
	}
	if pad > len(p) {
		r.fail(ev, badPadding)
		return
	}
	p = p[:len(p)-pad]
	if r.block.repeats(h, p) {
		r.block.stream = h.Stream
		r.giveHead(ev)
		return
	}
	r.block.begin(h)
	r.readBlock(h, p, ev)
}

func (r *Reader) openContinuation(h Header, p []byte, ev *Event) {
	if r.block.continuations++; r.block.continuations > r.block.maxContinuations {
		r.fail(ev, continuations)
		return
	}
	r.readBlock(h, p, ev)
}

func (r *Reader) readBlock(h Header, p []byte, ev *Event) {
	bl := &r.block
	if err := bl.read(p, h.Flags.Has(FlagEndHeaders)); err != nil {
		r.fail(ev, err)
		return
	}
	if bl.open {
		return
	}
	err := bl.err
	if err == nil {
		err = bl.head.parse(bl.list(), r.side.other(), bl.end)
	}
	if err != nil {
		r.failStream(ev, bl.stream, err)
		return
	}
	bl.remember(h, p)
	r.giveHead(ev)
}

func (r *Reader) giveHead(ev *Event) {
	if bl := &r.block; !bl.head.counts() || r.spend(ev, headersFlood) {
		*ev = Event{Kind: Headers, Stream: bl.stream, End: bl.end}
	}
}
