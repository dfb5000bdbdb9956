package h2_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/codec/h2"
)

// reference reads frames with x/net's Framer, header blocks with its own decoder.
func reference(t *testing.T, b []byte) (*http2.Framer, *bytes.Buffer) {
	t.Helper()
	in := bytes.NewBuffer(b)
	f := http2.NewFramer(nil, in)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.SetMaxReadFrameSize(1 << 24)
	return f, in
}

func next[F http2.Frame](t *testing.T, f *http2.Framer) F {
	t.Helper()
	got, err := f.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	want, ok := got.(F)
	if !ok {
		t.Fatalf("%T %v", got, got)
	}
	return want
}

func showFields(list []hpack.HeaderField) (s []string) {
	for _, f := range list {
		mark := ""
		if f.Sensitive {
			mark = "!"
		}
		s = append(s, mark+f.Name+": "+f.Value)
	}
	return s
}

func TestConnectAgainstReference(t *testing.T) {
	e := h2.NewEncoder()
	var b []byte
	ask := fields("Origin", "https://chat.example", "Cookie", "sid=1", "AUTHORIZATION", "Bearer x", "Sec-WebSocket-Protocol", "chat", "X-Forwarded-For", "192.0.2.7")
	b = e.AppendConnect(b, 1, "http", []byte("chat.example"), []byte("/room?token=1"), ask)
	first := len(b)
	b = e.AppendConnect(b, 3, "http", []byte("chat.example"), []byte("/room?token=2"), ask)
	if second := len(b) - first; second >= first {
		t.Errorf("%d bytes, then %d: the table is of no use", first, second)
	}
	f, _ := reference(t, b)
	for i, stream := range []uint32{1, 3} {
		got := next[*http2.MetaHeadersFrame](t, f)
		want := []string{":method: CONNECT", ":protocol: websocket", ":scheme: http", "!:path: /room?token=" + string('1'+rune(i)), ":authority: chat.example",
			"sec-websocket-version: 13", "origin: https://chat.example", "!cookie: sid=1", "!authorization: Bearer x",
			"!sec-websocket-protocol: chat", "!x-forwarded-for: 192.0.2.7"}
		plain := showFields(got.Fields)
		if i == 1 { // an index says nothing about secrets
			for j := range want {
				if !strings.HasPrefix(want[j], "!") && strings.HasPrefix(plain[j], "!") {
					t.Error(plain[j])
				}
			}
		}
		if !slices.Equal(plain, want) || got.StreamID != stream || got.StreamEnded() {
			t.Errorf("%d:\ngot  %q\nwant %q", got.StreamID, plain, want)
		}
	}
}

func TestConnectOverMaxFrame(t *testing.T) {
	sizes := []int{16000, 33000, 70000}
	for size := 16300; size <= 16330; size++ { // with the fields before it, up to one frame and beyond
		sizes = append(sizes, size, size+16384)
	}
	for _, size := range sizes {
		e := h2.NewEncoder()
		long := fields("x", strings.Repeat("\xff", size)) // which Huffman would make longer
		b := e.AppendConnect(nil, 1, "https", []byte("a"), []byte("/"), long)
		for rest := b; len(rest) > 0; {
			h, n := h2.ParseHeader(rest)
			last := len(rest) == n+int(h.Length)
			if h.Length > 16384 || h.Stream != 1 || h.Flags.Has(h2.FlagEndHeaders) != last || (h.Type == h2.TypeHeaders) != (len(rest) == len(b)) {
				t.Fatalf("%d: %+v, last=%t", size, h, last)
			}
			rest = rest[n+int(h.Length):]
		}
		f, _ := reference(t, b)
		f.MaxHeaderListSize = 1 << 20
		if got := next[*http2.MetaHeadersFrame](t, f); len(got.Fields) != 7 || len(got.Fields[6].Value) != size || got.Truncated {
			t.Errorf("%d: %d fields", size, len(got.Fields))
		}
	}
}

func TestApplyMaxFrame(t *testing.T) {
	peer := h2.DefaultSettings()
	peer.MaxFrameSize = 1 << 20
	e := h2.NewEncoder()
	e.Apply(peer)
	b := e.AppendResponse(nil, 1, 200, fields("x", strings.Repeat("\xff", 70000)), true)
	if h, n := h2.ParseHeader(b); n+int(h.Length) != len(b) || !h.Flags.Has(h2.FlagEndHeaders|h2.FlagEndStream) {
		t.Errorf("%+v of %d", h, len(b))
	}
}

// A peer that shrinks its table and widens it again in one frame has emptied it (RFC 7541 section 4.2).
func TestApplyTableSize(t *testing.T) {
	tables := func(sizes ...uint32) (s []http2.Setting) {
		for _, n := range sizes {
			s = append(s, http2.Setting{ID: http2.SettingHeaderTableSize, Val: n})
		}
		return s
	}
	for _, sizes := range [][]uint32{{}, {0}, {100}, {4096}, {65536}, {0, 4096}, {4096, 100, 65536}, {0, 50}} {
		r, e := clientReader(), h2.NewEncoder()
		in := new(bytes.Buffer)
		f := http2.NewFramer(nil, in)
		f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		agent := fields("user-agent", "a table's entry")
		in.Write(e.AppendResponse(nil, 1, 200, agent, false))
		next[*http2.MetaHeadersFrame](t, f)

		r.Next(framer(func(f *http2.Framer) { _ = f.WriteSettings(tables(sizes...)...) }))
		for _, n := range sizes { // the peer's decoder obeys what it announced
			f.ReadMetaHeaders.SetMaxDynamicTableSize(min(n, 4096))
			f.ReadMetaHeaders.SetAllowedMaxDynamicTableSize(n)
		}
		e.Apply(r.Peer())
		in.Write(e.AppendResponse(nil, 3, 200, agent, false))
		in.Write(e.AppendResponse(nil, 5, 404, agent, true))
		for range 2 {
			if got := next[*http2.MetaHeadersFrame](t, f); got.Fields[1].Value != "a table's entry" {
				t.Errorf("%v: %v", sizes, got)
			}
		}
	}
}

func TestAppendersAgainstReference(t *testing.T) {
	data := [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	b := h2.AppendSettingsAck(h2.AppendSettings(nil, ours))
	b = h2.AppendPong(h2.AppendPing(b, data), data[:])
	b = h2.AppendReset(b, 1<<31-1, h2.Cancel)
	b = h2.AppendGoAway(b, 7, h2.EnhanceYourCalm, "h2_ping_flood")
	b = h2.AppendWindowUpdate(h2.AppendWindowUpdate(b, 0, 1<<31-1), 9, 1)
	b = append(h2.AppendDataHeader(b, 5, 3, false), "abc"...)
	b = h2.AppendDataHeader(b, 5, 0, true)
	f, in := reference(t, b)

	var settings []http2.Setting
	_ = next[*http2.SettingsFrame](t, f).ForeachSetting(func(s http2.Setting) error { settings = append(settings, s); return nil })
	if want := []http2.Setting{{ID: http2.SettingEnablePush}, {ID: http2.SettingMaxHeaderListSize, Val: headerList}}; !slices.Equal(settings, want) {
		t.Error(settings)
	}
	if ack := next[*http2.SettingsFrame](t, f); !ack.IsAck() {
		t.Error(ack)
	}
	if ping := next[*http2.PingFrame](t, f); ping.IsAck() || ping.Data != data {
		t.Error(ping)
	}
	if pong := next[*http2.PingFrame](t, f); !pong.IsAck() || pong.Data != data {
		t.Error(pong)
	}
	if reset := next[*http2.RSTStreamFrame](t, f); reset.StreamID != 1<<31-1 || reset.ErrCode != http2.ErrCodeCancel {
		t.Error(reset)
	}
	if away := next[*http2.GoAwayFrame](t, f); away.LastStreamID != 7 || away.ErrCode != http2.ErrCodeEnhanceYourCalm || string(away.DebugData()) != "h2_ping_flood" {
		t.Error(away)
	}
	if w := next[*http2.WindowUpdateFrame](t, f); w.StreamID != 0 || w.Increment != 1<<31-1 {
		t.Error(w)
	}
	if w := next[*http2.WindowUpdateFrame](t, f); w.StreamID != 9 || w.Increment != 1 {
		t.Error(w)
	}
	if d := next[*http2.DataFrame](t, f); d.StreamID != 5 || string(d.Data()) != "abc" || d.StreamEnded() {
		t.Error(d)
	}
	if d := next[*http2.DataFrame](t, f); d.StreamID != 5 || len(d.Data()) != 0 || !d.StreamEnded() {
		t.Error(d)
	}
	if in.Len() != 0 {
		t.Error(in.Len(), "bytes left")
	}
}

// Every setting comes out of a Reader as it went into AppendPreface.
func TestSettingsThereAndBack(t *testing.T) {
	want := h2.Settings{HeaderTableSize: 1, MaxConcurrentStreams: 2, InitialWindowSize: 3, MaxFrameSize: 16385, MaxHeaderListSize: 5, EnableConnect: true}
	for _, s := range []h2.Settings{want, h2.DefaultSettings()} {
		for _, side := range []h2.Side{h2.Client, h2.Server} {
			r, b := h2.NewReader(side, ours, limits), h2.AppendSettings(nil, s)
			if side == h2.Server {
				b = h2.AppendPreface(nil, s)
				s.EnablePush = false // which a client always says
			}
			if ev, n := r.Next(b); ev.Kind != h2.SettingsChanged || n != len(b) {
				t.Fatal(ev, r.Err())
			}
			if got := h2.AppendSettings(nil, r.Peer()); !bytes.Equal(got, h2.AppendSettings(nil, s)) {
				t.Errorf("%+v", r.Peer())
			}
		}
	}
}

func TestErrorCodeNames(t *testing.T) {
	for c := range h2.ErrorCode(14) {
		if got, want := c.String(), http2.ErrCode(c).String(); got != want {
			t.Errorf("%d: %s, want %s", c, got, want)
		}
	}
	if got := h2.ErrorCode(14).String(); got != "UNKNOWN" {
		t.Error(got)
	}
}

func TestHeaderThereAndBack(t *testing.T) {
	for _, h := range []h2.Header{{}, {Length: 1<<24 - 1, Type: 255, Flags: 255, Stream: 1<<31 - 1}, {Length: 0x010203, Type: 4, Flags: 5, Stream: 0x06070809}} {
		b := h2.AppendHeader([]byte("x"), h)[1:]
		if got, n := h2.ParseHeader(b); got != h || n != h2.HeaderLen {
			t.Errorf("%+v: %+v, %d", h, got, n)
		}
		for i := range b {
			if _, n := h2.ParseHeader(b[:i]); n != 0 {
				t.Errorf("%d bytes: %d", i, n)
			}
		}
	}
}
