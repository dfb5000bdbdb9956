package rate

import (
	"math"
	"time"
)

// Bucket counts what one source takes under one Limit, in 8 bytes; the zero Bucket is full. It knows nothing of its
// limit: with another one, begin with a zero Bucket.
//
// It keeps the time at which it will be full again and no count of tokens (the form of the generic cell rate algorithm,
// ITU-T I.371), so that a bucket that nobody takes from needs no refilling. Not safe for concurrent use.
type Bucket struct {
	full int64 // in ticks
}

// A tick is an eighth of a nanosecond: what a token costs is rounded down to whole ticks, and the Take of a token takes
// far longer than the rest.
const (
	ticksPerNano   = 8
	ticksPerSecond = ticksPerNano * int64(time.Second)

	far = 1 << 61 // ticks, nine years: where times and costs end, so that no sum of them overflows
)

// Never is the answer to more than a limit's burst: that will not be there at any time.
const Never time.Duration = math.MaxInt64

// Take takes n tokens if they are there, and else nothing. More than the burst never are; with n <= 0, or under the zero
// Limit, the answer is yes.
func (b *Bucket) Take(l *Limit, now time.Duration, n float64) (ok bool) {
	if !l.applies(n) {
		return true
	}
	t := ticks(now)
	full := max(b.full, t) + l.ticks(n)
	if full-t > l.ticks(l.Burst) {
		return false
	}
	b.full = full
	return true
}

// Give gives back n tokens that Take has taken, if nothing came of it.
func (b *Bucket) Give(l *Limit, n float64) {
	if l.applies(n) {
		b.full -= l.ticks(n)
	}
}

// Available is how many whole tokens Take would take at once; of the zero Limit, any number.
func (b *Bucket) Available(l *Limit, now time.Duration) uint64 {
	if l.Per == 0 {
		return math.MaxUint64
	}
	t := ticks(now)
	room := l.ticks(l.Burst) - (max(b.full, t) - t)
	n := math.Floor(float64(room) * l.N / (float64(l.Per) * ticksPerNano))
	for n > 0 && l.ticks(n) > room { // ticks are whole
		n--
	}
	return uint64(max(n, 0))
}

// Wait is how long until Take would take n tokens, if nobody takes any before: 0, some time, or Never.
func (b *Bucket) Wait(l *Limit, now time.Duration, n float64) time.Duration {
	switch {
	case !l.applies(n):
		return 0
	case n > l.Burst:
		return Never
	}
	t := ticks(now)
	return l.over(max(b.full, t) + l.ticks(n) - t)
}

// Spend takes n tokens whether they are there or not, and tells for how long to take no more until what was missing has
// come in: 0 if nothing was. It is for bytes that have been read already and cannot be given back.
func (b *Bucket) Spend(l *Limit, now time.Duration, n float64) time.Duration {
	if !l.applies(n) {
		return 0
	}
	t := ticks(now)
	b.full = min(max(b.full, t)+l.ticks(n), 2*far)
	return l.over(b.full - t)
}

// applies is false where there is nothing to count.
func (l *Limit) applies(n float64) bool { return n > 0 && l.Per > 0 }

// over is by how much the ticks until a bucket is full exceed those in which an empty one fills.
func (l *Limit) over(ticks int64) time.Duration {
	return time.Duration((max(ticks-l.ticks(l.Burst), 0) + ticksPerNano - 1) / ticksPerNano)
}

// ticks is the time in which n tokens come in, at least one tick.
func (l *Limit) ticks(n float64) int64 {
	t := n * (float64(l.Per) * ticksPerNano) / l.N
	if t < far {
		return max(int64(t), 1)
	}
	return far
}

func ticks(now time.Duration) int64 {
	return min(max(int64(now), 0), far/ticksPerNano) * ticksPerNano
}
