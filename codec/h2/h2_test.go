package h2_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/codec/h2"
	"weir/codec/http1"
)

const headerList = 1024 // bytes

var (
	limits = h2.Limits{Fields: 20, Continuations: 4, Flood: 100}
	ours   = func() h2.Settings {
		s := h2.DefaultSettings()
		s.EnablePush, s.MaxHeaderListSize = false, headerList
		return s
	}()
	hello = h2.AppendSettings(nil, h2.DefaultSettings()) // the shortest first frame
)

func clientReader() *h2.Reader { return h2.NewReader(h2.Client, ours, limits) }
func serverReader() *h2.Reader { return h2.NewReader(h2.Server, ours, limits) }

// begun is a Reader behind the peer's first frame.
func begun(t testing.TB, side h2.Side) *h2.Reader {
	t.Helper()
	r, b := h2.NewReader(side, ours, limits), hello
	if side == h2.Server {
		b = h2.AppendPreface(nil, h2.DefaultSettings())
	}
	if ev, n := r.Next(b); ev.Kind != h2.SettingsChanged || n != len(b) {
		t.Fatal(ev, n)
	}
	return r
}

// framer is x/net's own encoder of frames, the reference.
func framer(write func(f *http2.Framer)) []byte {
	var b bytes.Buffer
	f := http2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	write(f)
	return b.Bytes()
}

// hblock is a header block of name, value pairs, made with an empty table.
func hblock(pairs ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(pairs); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return b.Bytes()
}

func raw(typ h2.Type, flags h2.Flags, stream uint32, payload string) []byte {
	return append(h2.AppendHeader(nil, h2.Header{Length: uint32(len(payload)), Type: typ, Flags: flags, Stream: stream}), payload...)
}

func headers(stream uint32, flags h2.Flags, pairs ...string) []byte {
	return raw(h2.TypeHeaders, flags|h2.FlagEndHeaders, stream, string(hblock(pairs...)))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func fields(pairs ...string) (f []http1.Field) {
	for i := 0; i < len(pairs); i += 2 {
		f = append(f, http1.Field{Name: []byte(pairs[i]), Value: []byte(pairs[i+1])})
	}
	return f
}

// trace is what a Reader found, one line an event. Pieces of DATA that follow one another on a stream are one line, as
// only these may depend on how the bytes were cut.
type trace struct {
	lines []string

	data    bool
	stream  uint32
	n       uint32
	payload []byte
	end     bool
}

func (tr *trace) add(r *h2.Reader, ev h2.Event) {
	if ev.Kind == h2.Data {
		if tr.data && tr.stream != ev.Stream {
			tr.flush()
		}
		tr.data, tr.stream, tr.n, tr.end = true, ev.Stream, tr.n+ev.N, ev.End
		tr.payload = append(tr.payload, ev.Payload...)
		if ev.End {
			tr.flush()
		}
		return
	}
	tr.flush()
	tr.lines = append(tr.lines, line(r, ev))
}

func (tr *trace) flush() {
	if tr.data {
		tr.lines = append(tr.lines, fmt.Sprintf("data %d %q n=%d end=%t", tr.stream, tr.payload, tr.n, tr.end))
	}
	*tr = trace{lines: tr.lines}
}

func line(r *h2.Reader, ev h2.Event) string {
	switch ev.Kind {
	case h2.Headers:
		return fmt.Sprintf("headers %d %s end=%t", ev.Stream, showHead(r.Head()), ev.End)
	case h2.SettingsChanged:
		return fmt.Sprintf("settings %+v", r.Peer())
	case h2.SettingsAck:
		return "settings ack"
	case h2.Ping:
		return fmt.Sprintf("ping %q", ev.Payload)
	case h2.Pong:
		return fmt.Sprintf("pong %q", ev.Payload)
	case h2.GoAway:
		return fmt.Sprintf("goaway %d %s %q", ev.Stream, ev.Code, ev.Payload)
	case h2.Reset:
		return fmt.Sprintf("reset %d %s", ev.Stream, ev.Code)
	case h2.WindowUpdate:
		return fmt.Sprintf("window %d +%d", ev.Stream, ev.N)
	case h2.StreamFault:
		return fmt.Sprintf("stream fault %d %s %s", ev.Stream, r.Err().Code, r.Err().Reason)
	case h2.Fault:
		return fmt.Sprintf("fault %s %s", r.Err().Code, r.Err().Reason)
	}
	return fmt.Sprintf("kind %d", ev.Kind)
}

func showHead(h *h2.Head) string {
	var b strings.Builder
	if h.Status != 0 {
		fmt.Fprintf(&b, "%d", h.Status)
	}
	for _, p := range [][]byte{h.Method, h.Scheme, h.Authority, h.Path, h.Protocol} {
		if p != nil {
			fmt.Fprintf(&b, "%s ", p)
		}
	}
	for _, f := range h.Fields {
		fmt.Fprintf(&b, " [%s: %s]", f.Name, f.Value)
	}
	return b.String()
}

// walk feeds pieces one after another up to a Fault, each from a buffer that is overwritten once it was read.
func walk(r *h2.Reader, pieces ...[]byte) []string {
	var tr trace
	for _, piece := range pieces {
		lent := bytes.Clone(piece)
		for b := lent; len(b) > 0; {
			ev, used := r.Next(b)
			if used == 0 {
				panic("no progress")
			}
			b = b[used:]
			if ev.Kind != h2.None {
				tr.add(r, ev)
			} else if len(b) > 0 {
				panic("None, but bytes are left")
			}
			if ev.Kind == h2.Fault {
				return tr.lines
			}
		}
		for i := range lent {
			lent[i] = 0xa5
		}
	}
	tr.flush()
	return tr.lines
}
