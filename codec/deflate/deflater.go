package deflate

import (
	"fmt"

	"github.com/klauspost/compress/flate"
)

// tail ends every flush, and is what a message goes without (RFC 7692 section 7.2.1).
const tail = "\x00\x00\xff\xff"

// Deflater compresses messages, each for itself. It belongs to one loop.
type Deflater struct {
	out     sink
	full    *flate.Writer                // with the largest window
	limited [MaxWindowBits]*flate.Writer // with the smaller ones by their bits, made when first needed
}

// sink is what a flate.Writer writes to.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// MaxLevel is the highest level that starts a message cheaply. Those above clear 640 KiB of tables for each: at 1 KiB
// of JSON two and a half times the CPU of level 6, for 1% fewer bytes.
const MaxLevel = 6

// NewDeflater makes one of a level, 1 (least CPU) to [MaxLevel].
func NewDeflater(level int) (*Deflater, error) {
	if level < flate.BestSpeed || level > MaxLevel {
		return nil, fmt.Errorf("compression level %d is not within %d and %d", level, flate.BestSpeed, MaxLevel)
	}
	w, err := flate.NewWriter(nil, level)
	return &Deflater{full: w}, err
}

// Append appends message, deflated, to dst: the payload of one frame. windowBits is what was settled for the direction,
// 8 to 15; 0 is 15. The message may come in parts, each the payload of a frame; all but the last have more set.
func (d *Deflater) Append(dst, message []byte, windowBits uint8, more bool) []byte {
	w := d.writer(len(message), windowBits)
	d.out.b = dst
	w.Reset(&d.out)
	// A sink never fails, and with it neither does a Writer.
	_, _ = w.Write(message)
	_ = w.Flush()
	dst, d.out.b = d.out.b, nil
	if !more {
		dst = dst[:len(dst)-len(tail)]
	}
	return dst
}

// writer is the one for n bytes in a window. What is no longer than its window cannot refer beyond it. For longer
// ones the library has a writer of its own kind, of about level 5 whatever the Deflater's.
func (d *Deflater) writer(n int, windowBits uint8) *flate.Writer {
	if windowBits == 0 || windowBits >= MaxWindowBits || n <= 1<<windowBits {
		return d.full
	}
	windowBits = max(windowBits, MinWindowBits)
	if d.limited[windowBits] == nil {
		w, err := flate.NewWriterWindow(nil, 1<<windowBits)
		if err != nil {
			panic(err) // the library takes 32 bytes to 32 KiB
		}
		d.limited[windowBits] = w
	}
	return d.limited[windowBits]
}
