package deflate

import (
	"io"
	"math"

	"github.com/klauspost/compress/flate"
)

// Inflater inflates messages, each for itself. It belongs to one loop.
type Inflater struct {
	src source
	z   interface {
		io.Reader
		flate.Resetter
	}
}

// NewInflater makes one.
func NewInflater() *Inflater {
	in := new(Inflater)
	in.z = flate.NewReader(&in.src).(interface {
		io.Reader
		flate.Resetter
	})
	return in
}

// Append appends the message that payload holds, without its mask and of all its frames, to dst: at most limit bytes.
// The error is [ErrTooLarge], which comes without inflating more than 32 KiB beyond the limit, or [ErrCorrupt]; dst is
// then as long as it was. It grows by doubling, never beyond what the limit needs. A payload of no bytes is no deflate
// data, but is taken for an empty message, as others do.
//
// A final block does not end a message: more blocks may follow it, from the next byte on (RFC 7692 section 7.2.1).
// They cannot refer to what was before it. A message that ends with a final block, and not with the empty block that
// should follow (section 7.2.3.4), is taken too: senders that finish a stream for each message forget it.
func (in *Inflater) Append(dst, payload []byte, limit int) ([]byte, error) {
	if len(payload) == 0 {
		return dst, nil
	}
	start := len(dst)
	limit = min(limit, math.MaxInt-start-1)
	most := start + limit + 1 // one byte more than may be there, to see that there is one
	in.src = source{payload: payload}
	defer func() { in.src.payload = nil }()

	for {
		// Reset fails for no reader that can read bytes.
		_ = in.z.Reset(&in.src, nil)
		for {
			if len(dst) == cap(dst) {
				dst = grow(dst, min(most, max(2*cap(dst), len(dst)+4*len(payload)+64)))
			}
			n, err := in.z.Read(dst[len(dst):min(cap(dst), most)])
			dst = dst[:len(dst)+n]
			if len(dst) == most {
				return dst[:start], ErrTooLarge
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return dst[:start], ErrCorrupt
			}
		}
		if in.src.ended() {
			return dst, nil
		}
	}
}

func grow(b []byte, size int) []byte {
	return append(make([]byte, 0, size), b...)
}

// ending is what a message went without, and a final block: at that the library reports io.EOF, while without it the
// end of a message would look like one inside a block.
const (
	ending  = tail + "\x01" + lengths
	lengths = "\x00\x00\xff\xff" // of the final block
)

// source is a payload with the ending behind it. It gives single bytes, so that nothing behind a final block is read
// with it. The library takes a block's header that way, and the lengths of a stored block at once: by that the ending's
// block is told from one of the payload's that has swallowed the ending.
type source struct {
	payload []byte
	n       int  // bytes read so far, the ending's among them
	header  bool // the last byte read was read alone and begins the ending's block
	closed  bool // that block was read
}

func (s *source) ReadByte() (byte, error) {
	n := s.n - len(s.payload)
	if n < 0 {
		s.n++
		return s.payload[s.n-1], nil
	}
	if n == len(ending) {
		return 0, io.EOF
	}
	s.n++
	s.header = n == len(ending)-len(lengths)-1
	return ending[n], nil
}

func (s *source) Read(p []byte) (n int, err error) {
	if s.n < len(s.payload) {
		n = copy(p, s.payload[s.n:])
	} else if n = copy(p, ending[s.n-len(s.payload):]); n == 0 {
		return 0, io.EOF
	}
	s.n += n
	s.closed = s.header && n == len(lengths)
	s.header = false
	return n, nil
}

// ended tells, behind a final block, whether that was the ending's or the payload's last.
func (s *source) ended() bool { return s.closed || s.n == len(s.payload) }
