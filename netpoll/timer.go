package netpoll

import (
	"math/bits"
	"time"
)

// A tick is the wheel's resolution. Deadlines here are seconds; a hundredth is plenty.
const (
	tick       = 10 * time.Millisecond
	wheelBits  = 6
	wheelSlots = 1 << wheelBits
	wheelMask  = wheelSlots - 1
	levels     = 4                      // reach: 64^4 ticks, 46 hours; what is due later is looked at again then
	never      = time.Duration(1) << 62 // 146 years; longer ones would overflow
)

// TimerHandler hears of a timer that is due.
type TimerHandler interface{ OnTimer(t *Timer) }

// Timer is one deadline on a loop's wheel. Its zero value is unset; it is meant to be embedded.
type Timer struct {
	next, prev *Timer
	due        int64 // in ticks of the loop
	handler    TimerHandler
}

// Set tells whether the timer is running.
func (t *Timer) Set() bool { return t.next != nil }

// Schedule makes t due in d from now, whatever it was before. It rounds up to a tick.
func (l *Loop) Schedule(t *Timer, d time.Duration, h TimerHandler) {
	l.owner.Check()
	t.unlink()
	t.handler = h
	t.due = int64((l.now + min(max(d, 0), never) + tick - 1) / tick)
	l.alarm.need(l, l.wheel.insert(t)) // it is set for all the others already
}

// Sooner is Schedule for a timer that may be due before that already, and then stays as it is.
func (l *Loop) Sooner(t *Timer, d time.Duration, h TimerHandler) {
	if !t.Set() || t.due > int64((l.now+min(max(d, 0), never)+tick-1)/tick) {
		l.Schedule(t, d, h)
	}
}

// Cancel stops t; it may be unset.
func (l *Loop) Cancel(t *Timer) {
	l.owner.Check()
	t.unlink()
}

func (t *Timer) unlink() {
	if t.next != nil {
		t.prev.next, t.next.prev = t.next, t.prev
		t.next, t.prev = nil, nil
	}
}

// wheel is a hierarchical timing wheel (Varghese and Lauck): a slot of level k spans 64^k ticks. Adding,
// moving and cancelling take constant time; a bitmap a level finds the next slot in use, so that a loop with
// a million distant deadlines sleeps until the first of them.
type wheel struct {
	at    int64 // ticks up to here have been dealt with
	used  [levels]uint64
	slots [levels][wheelSlots]Timer // heads of circular lists
	under Timer                     // head of the slot that is being emptied
}

func (w *wheel) init() {
	for level := range w.slots {
		for i := range w.slots[level] {
			head := &w.slots[level][i]
			head.next, head.prev = head, head
		}
	}
}

// insert puts t into its slot, and tells the tick at which that is looked at.
func (w *wheel) insert(t *Timer) int64 {
	due := max(t.due, w.at+1)
	due = min(due, w.at+1<<(wheelBits*levels)-1)
	level := (bits.Len64(uint64(due-w.at)) - 1) / wheelBits
	slot := due >> (wheelBits * level) & wheelMask
	w.used[level] |= 1 << slot
	w.slots[level][slot].push(t)
	return due >> (wheelBits * level) << (wheelBits * level)
}

func (head *Timer) push(t *Timer) {
	t.prev, t.next = head.prev, head
	head.prev.next, head.prev = t, t
}

// next is the tick of the next slot in use, or 0 for none. Slots of the upper levels begin where their
// timers move down, which is never later than the first of these is due.
func (w *wheel) next() int64 {
	first := int64(0)
	for level, used := range w.used {
		if used == 0 {
			continue
		}
		at := w.at >> (wheelBits * level)
		ahead := bits.TrailingZeros64(bits.RotateLeft64(used, -int(at+1)&wheelMask))
		if t := (at + 1 + int64(ahead)) << (wheelBits * level); first == 0 || t < first {
			first = t
		}
	}
	return first
}

// advance fires what is due at the next tick up to the tick to, and tells whether there was such a tick.
func (w *wheel) advance(to int64) (more bool) {
	t := w.next()
	if t == 0 || t > to {
		w.at = max(w.at, to)
		return false
	}
	w.at = t
	for level := levels - 1; level >= 0; level-- {
		if t&(1<<(wheelBits*level)-1) == 0 {
			w.empty(level, t>>(wheelBits*level)&wheelMask)
		}
	}
	return true
}

// empty takes the timers of one slot in turn: those due are fired, the others go to a finer level. Handlers
// may set and cancel any timer, those of this slot too, as they hang on a list of their own meanwhile.
func (w *wheel) empty(level int, slot int64) {
	head := &w.slots[level][slot]
	w.used[level] &^= 1 << slot
	if head.next == head {
		return
	}
	list := &w.under
	list.next, list.prev = head.next, head.prev
	list.next.prev, list.prev.next = list, list
	head.next, head.prev = head, head
	for list.next != list {
		t := list.next
		t.unlink()
		if t.due > w.at {
			w.insert(t)
		} else {
			t.handler.OnTimer(t)
		}
	}
}
