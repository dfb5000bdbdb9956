package logqueue

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Room is how many lines may wait.
const Room = 8192

// Handler is a slog.Handler that never blocks. Handlers made from one by WithAttrs and WithGroup share its queue.
type Handler struct {
	to slog.Handler
	*queue
}

type queue struct {
	root    slog.Handler // for lines of the queue's own
	waiting chan line
	most    int64 // bulk lines among those that wait

	// Any goroutine.
	bulk         atomic.Int64 // that wait
	droppedBulk  atomic.Uint64
	droppedOther atomic.Uint64
	closing      chan struct{}
	once         sync.Once
	done         chan struct{} // closed when the goroutine has ended

	// The goroutine's.
	toldBulk, toldOther uint64 // of those dropped
}

type line struct {
	to     slog.Handler
	record *slog.Record
	bulk   bool
}

// New starts a queue of so many lines before to. It has to be closed.
func New(to slog.Handler, room int) *Handler {
	q := &queue{root: to, waiting: make(chan line, room), most: int64(room - room/4), closing: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return &Handler{to: to, queue: q}
}

// Enabled tells whether lines of this level are written.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

// WithAttrs is as slog.Handler has it.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{to: h.to.WithAttrs(attrs), queue: h.queue}
}

// WithGroup is as slog.Handler has it.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{to: h.to.WithGroup(name), queue: h.queue}
}

// Handle queues a line. What its attributes point to must not change any more.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	select {
	case h.waiting <- line{to: h.to, record: &r}:
	default:
		h.droppedOther.Add(1)
	}
	return nil
}

// HandleBulk queues a line of a kind that comes in great numbers.
func (h *Handler) HandleBulk(r *slog.Record) {
	if h.bulk.Add(1) <= h.most {
		select {
		case h.waiting <- line{to: h.to, record: r, bulk: true}:
			return
		default:
		}
	}
	h.bulk.Add(-1)
	h.droppedBulk.Add(1)
}

// Dropped counts the lines that found no room.
func (h *Handler) Dropped() (bulk, other uint64) {
	return h.droppedBulk.Load(), h.droppedOther.Load()
}

// Close writes what waits, but waits no longer than this for whoever reads. Later lines may be lost.
func (h *Handler) Close(within time.Duration) {
	h.once.Do(func() { close(h.closing) })
	select {
	case <-h.done:
	case <-time.After(within):
	}
}

func (q *queue) run() {
	defer close(q.done)
	for {
		select {
		case l := <-q.waiting:
			q.write(l)
		case <-q.closing:
			for {
				select {
				case l := <-q.waiting:
					q.write(l)
				default:
					return
				}
			}
		}
	}
}

func (q *queue) write(l line) {
	if l.bulk {
		q.bulk.Add(-1)
	}
	_ = l.to.Handle(context.Background(), *l.record)
	if len(q.waiting) == 0 {
		q.tellDropped()
	}
}

// tellDropped adds a line on those that are missing, once the reader has caught up.
func (q *queue) tellDropped() {
	bulk, other := q.droppedBulk.Load(), q.droppedOther.Load()
	if bulk == q.toldBulk && other == q.toldOther || !q.root.Enabled(context.Background(), slog.LevelWarn) {
		return
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines are missing here: whoever reads the log was too slow", 0)
	r.AddAttrs(slog.Uint64("access", bulk-q.toldBulk), slog.Uint64("other", other-q.toldOther))
	q.toldBulk, q.toldOther = bulk, other
	_ = q.root.Handle(context.Background(), r)
}
