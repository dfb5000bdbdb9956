package logqueue_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/gateway/logqueue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 15 * time.Second

// gated takes a line only once it has been opened, as a pipe that nobody reads yet.
type gated struct {
	opened chan struct{}
	began  chan struct{} // gets one for each line that waits to be taken
	text   bytes.Buffer
}

func newGated() *gated { return &gated{opened: make(chan struct{}), began: make(chan struct{}, 100)} }

func (g *gated) Write(b []byte) (int, error) {
	g.began <- struct{}{}
	<-g.opened
	return g.text.Write(b)
}

// messages are those of all lines, in their order.
func (g *gated) messages() (all []string) {
	for _, m := range regexp.MustCompile(`msg=("[^"]*"|\S+)`).FindAllStringSubmatch(g.text.String(), -1) {
		all = append(all, m[1])
	}
	return all
}

func bulk(h *logqueue.Handler, text string) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, text, 0)
	h.HandleBulk(&r)
}

// A reader that takes nothing holds nobody up. Of the room a quarter is kept for lines that are no bulk; what is beyond is
// dropped, counted and told of once the reader is back, the rest comes in its order.
func TestStuckReader(t *testing.T) {
	w := newGated()
	h := logqueue.New(slog.NewTextHandler(w, nil), 8)
	log := slog.New(h)
	log.Info("in hand") // the goroutine's, and so no longer in the queue
	<-w.began
	for i := range 10 {
		bulk(h, "b"+strconv.Itoa(i))
	}
	for i := range 3 {
		log.Info("o" + strconv.Itoa(i))
	}
	if b, o := h.Dropped(); b != 4 || o != 1 {
		t.Errorf("%d bulk lines dropped and %d others, want 4 and 1", b, o)
	}
	close(w.opened)
	h.Close(patience)
	want := `"in hand" b0 b1 b2 b3 b4 b5 o0 o1 "lines are missing here: whoever reads the log was too slow"`
	if got := strings.Join(w.messages(), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !strings.Contains(w.text.String(), "access=4 other=1") {
		t.Errorf("not how many: %s", w.text.String())
	}
}

// Lines that are no bulk may take all of the room.
func TestOthersTakeAllRoom(t *testing.T) {
	w := newGated()
	h := logqueue.New(slog.NewTextHandler(w, nil), 8)
	log := slog.New(h)
	log.Info("in hand")
	<-w.began
	for range 9 {
		log.Info("other")
	}
	bulk(h, "bulk")
	if b, o := h.Dropped(); b != 1 || o != 1 {
		t.Errorf("%d bulk lines dropped and %d others, want one of each", b, o)
	}
	close(w.opened)
	h.Close(patience)
}

// Close gives up on a reader that takes nothing, and lines after it neither block nor panic.
func TestCloseIsBounded(t *testing.T) {
	w := newGated()
	h := logqueue.New(slog.NewTextHandler(w, nil), 8)
	slog.New(h).Info("never taken")
	<-w.began
	began := time.Now()
	h.Close(20 * time.Millisecond)
	if took := time.Since(began); took > patience/2 {
		t.Errorf("took %v", took)
	}
	for range 20 {
		slog.New(h).Info("late")
		bulk(h, "late")
	}
	close(w.opened)
	h.Close(patience)
}

// Attributes and groups of derived loggers, levels and lazy values are those of the handler behind.
func TestHandlerBehind(t *testing.T) {
	var text bytes.Buffer
	h := logqueue.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelInfo}), 8)
	log := slog.New(h)
	log.Debug("not at all")
	log.With("a", 1).WithGroup("g").Info("hello", "b", 2)
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "open", 0)
	r.AddAttrs(slog.Any("", lazy{}))
	h.HandleBulk(&r)
	h.Close(patience)
	got := regexp.MustCompile(`"time":"[^"]*",`).ReplaceAllString(text.String(), "")
	want := `{"level":"INFO","msg":"hello","a":1,"g":{"b":2}}` + "\n" + `{"level":"INFO","msg":"open","client":"x"}` + "\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.GroupValue(slog.String("client", "x")) }
