package upstream

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/codec/http1"
)

// wanderer is a session that asserts the order of what it hears.
type wanderer struct {
	t       *testing.T
	attempt *Attempt
	stream  Stream
	over    bool
	ended   bool
}

func (w *wanderer) heard(what string, fine bool) {
	if w.over || !fine {
		w.t.Errorf("%s out of place: %+v", what, w)
	}
}

func (w *wanderer) OnAnswer(s Stream, _ *http1.Response) {
	w.heard("an answer", w.attempt != nil && w.stream == nil)
	w.attempt, w.stream = nil, s
}

func (w *wanderer) OnRefused(*http1.Refusal) {
	w.heard("a refusal", w.attempt != nil)
	w.attempt, w.over = nil, true
}

func (w *wanderer) OnBackendData([]byte) { w.heard("data", w.stream != nil && !w.ended) }
func (w *wanderer) OnBackendDrained()    { w.heard("drained", w.stream != nil) }

func (w *wanderer) OnBackendEOF() {
	w.heard("the end", w.stream != nil && !w.ended)
	w.ended = true
}

func (w *wanderer) OnBackendLeaving() {}

func (w *wanderer) OnBackendLost(error) {
	w.heard("a loss", w.stream != nil)
	w.stream, w.over = nil, true
}

// act does something by chance, on the loop.
func (w *wanderer) act(random *rand.Rand) {
	switch n := random.IntN(20); {
	case w.over:
	case n == 0 || w.stream == nil && n == 1:
		w.close()
	case w.stream == nil:
	case n < 3:
		w.stream.CloseWrite()
	case n < 6:
		w.stream.Pause()
	case n < 10:
		w.stream.Resume()
	case !w.stream.Full(0):
		w.stream.Write(make([]byte, 1+random.IntN(20_000)))
	}
}

func (w *wanderer) close() {
	if w.attempt != nil {
		w.attempt.Cancel()
	}
	if w.stream != nil {
		w.stream.Close()
	}
	w.attempt, w.stream, w.over = nil, nil, true
}

// moody is a backend that does by chance what backends may do, and now and then what they may not.
func moody(conn net.Conn, random *rand.Rand) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	f.AllowIllegalWrites = true
	var block bytes.Buffer
	table := hpack.NewEncoder(&block)
	err := f.WriteSettings(offer, setting(http2.SettingMaxConcurrentStreams, 8), setting(http2.SettingInitialWindowSize, 10_000))
	for err == nil {
		var frame http2.Frame
		if frame, err = f.ReadFrame(); err != nil {
			return
		}
		id := frame.Header().StreamID
		switch frame := frame.(type) {
		case *http2.DataFrame:
			if n := uint32(len(frame.Data())); n > 0 {
				_ = f.WriteWindowUpdate(0, n)
				_ = f.WriteWindowUpdate(id, n)
			}
			err = f.WriteData(id, frame.StreamEnded(), frame.Data())
		case *http2.HeadersFrame:
			status := "200"
			switch n := random.IntN(40); {
			case n < 4:
				status = "403"
			case n < 8:
				err = f.WriteRSTStream(id, http2.ErrCode([]uint32{2, 7, 8}[random.IntN(3)]))
				continue
			case n == 9:
				err = f.WriteData(id, false, []byte("early"))
				continue
			case n == 10:
				err = f.WriteSettings(setting(http2.SettingInitialWindowSize, uint32(random.IntN(30_000))))
			case n == 11:
				err = f.WriteGoAway(id-2*uint32(random.IntN(2)), http2.ErrCodeNo, nil)
			case n == 12:
				err = f.WriteWindowUpdate(id+1000, 1) // idle
			case n == 13:
				return
			}
			block.Reset()
			_ = table.WriteField(hpack.HeaderField{Name: ":status", Value: status})
			err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: status != "200"})
		}
	}
}

// Whatever happens, each session hears what it should in order, and in the end nothing is left: takeDown looks.
func TestChaos(t *testing.T) {
	var running sync.WaitGroup
	defer running.Wait()
	one, two := listen(t), listen(t)
	for seed, b := range []*backend{one, two} {
		defer b.ln.Close()
		running.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(seed)))
			for {
				conn, err := b.ln.Accept()
				if err != nil {
					return
				}
				if b.tls != nil {
					conn = tls.Server(conn, b.tls)
				}
				own := rand.New(rand.NewPCG(random.Uint64(), 1))
				running.Go(func() { moody(conn, own) })
			}
		})
	}
	r := newRig(t, func(d *Dialer) {
		d.Pool.Window, d.Pool.Spread, d.Pool.Min = 20_000, 2*spreadStep, 1
	}, one.url("h2c"), two.url("h2c"))
	random := rand.New(rand.NewPCG(3, 4))
	var all []*wanderer
	for range 400 {
		r.do(func() {
			for range random.IntN(6) {
				w := &wanderer{t: t}
				q := request()
				q.Key = random.Uint64()
				if w.attempt, _ = r.links.Open(q, w); w.attempt != nil {
					all = append(all, w)
				}
			}
			for range 20 {
				if len(all) > 0 {
					all[random.IntN(len(all))].act(random)
				}
			}
			if random.IntN(20) == 0 {
				r.links.OnTimer(nil)
			}
		})
	}
	r.do(func() {
		for _, w := range all {
			w.close()
		}
		r.links.Close()
	})
	if st := r.stats(); st.Opened < 10 || st.Lost == 0 || st.GoAways == 0 {
		t.Errorf("too quiet to prove much: %+v", st)
	}
}
