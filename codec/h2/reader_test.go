package h2_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"weir/codec/h2"
)

// vector is what a peer sends, in x/net's encoding, and what has to be made of it.
type vector struct {
	name  string
	side  h2.Side
	bytes []byte
	want  []string
}

const (
	defaults = "settings {HeaderTableSize:4096 MaxConcurrentStreams:4294967295 InitialWindowSize:65535 MaxFrameSize:16384 " +
		"MaxHeaderListSize:4294967295 EnablePush:true EnableConnect:false leastTable:4096}"
	request = "CONNECT https chat.example /room?a=1 websocket "
)

func vectors() []vector {
	response := hblock(":status", "200", "sec-websocket-protocol", "chat", "x-long", strings.Repeat("y", 300))
	answer := "headers 1 200 [sec-websocket-protocol: chat] [x-long: " + strings.Repeat("y", 300) + "] end=false"
	connect := hblock(":method", "CONNECT", ":scheme", "https", ":authority", "chat.example", ":path", "/room?a=1",
		":protocol", "websocket", "host", "CHAT.example", "te", "trailers")
	return []vector{
		{"settings", h2.Client, framer(func(f *http2.Framer) {
			_ = f.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 8192},
				http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 100}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20},
				http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 15}, http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 9000},
				http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1}, http2.Setting{ID: 0xf0f0, Val: 7}, http2.Setting{ID: http2.SettingEnablePush, Val: 0})
			_ = f.WriteSettingsAck()
		}), []string{"settings {HeaderTableSize:8192 MaxConcurrentStreams:100 InitialWindowSize:1048576 MaxFrameSize:32768 " +
			"MaxHeaderListSize:9000 EnablePush:false EnableConnect:true leastTable:0}", "settings ack"}},
		{"control frames", h2.Client, framer(func(f *http2.Framer) {
			_ = f.WriteSettings()
			_ = f.WritePing(false, [8]byte{'1', '2', '3', '4', '5', '6', '7', '8'})
			_ = f.WritePing(true, [8]byte{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'})
			_ = f.WriteWindowUpdate(0, 1<<31-1)
			_ = f.WriteWindowUpdate(5, 1)
			_ = f.WriteWindowUpdate(5, 0)
			_ = f.WriteRSTStream(7, http2.ErrCodeCancel)
			_ = f.WriteRSTStream(7, http2.ErrCode(0x12345))
			_ = f.WritePriority(2, http2.PriorityParam{StreamDep: 1})
			_ = f.WriteRawFrame(0x77, 0xff, 2, []byte("ignored"))
			_ = f.WriteRawFrame(http2.FramePriority, 0, 9, []byte("six..."))
			_ = f.WriteGoAway(5, http2.ErrCodeEnhanceYourCalm, []byte("too much"))
			_ = f.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil)
		}), []string{defaults, `ping "12345678"`, `pong "abcdefgh"`, "window 0 +2147483647", "window 5 +1",
			"stream fault 5 PROTOCOL_ERROR h2_zero_increment", "reset 7 CANCEL", "reset 7 UNKNOWN",
			"stream fault 9 FRAME_SIZE_ERROR h2_priority_length",
			`goaway 5 ENHANCE_YOUR_CALM "too much"`, `goaway 2147483647 NO_ERROR ""`}},
		{"data", h2.Client, framer(func(f *http2.Framer) {
			_ = f.WriteSettings()
			_ = f.WriteData(1, false, []byte("hello"))
			_ = f.WriteData(3, false, nil)
			_ = f.WriteDataPadded(3, false, []byte("padded"), make([]byte, 9))
			_ = f.WriteDataPadded(1, false, nil, make([]byte, 4))
			_ = f.WriteDataPadded(3, true, []byte("last"), make([]byte, 3))
			_ = f.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 7, []byte{0})
			_ = f.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 9, []byte{0, 'x'})
			_ = f.WriteData(1, true, nil)
			_ = f.WriteData(1<<31-1, false, bytes.Repeat([]byte("z"), 40))
		}), []string{defaults, `data 1 "hello" n=5 end=false`, `data 3 "padded" n=16 end=false`, `data 1 "" n=5 end=false`,
			`data 3 "last" n=8 end=true`, `data 7 "" n=1 end=false`, `data 9 "x" n=2 end=false`, `data 1 "" n=0 end=true`,
			`data 2147483647 "` + strings.Repeat("z", 40) + `" n=40 end=false`}},
		{"responses", h2.Client, framer(func(f *http2.Framer) {
			_ = f.WriteSettings()
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: hblock(":status", "103", "link", "</a>"), EndHeaders: true})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: response[:100], PadLength: 7,
				Priority: http2.PriorityParam{StreamDep: 1, Weight: 3}})
			_ = f.WriteContinuation(1, false, nil)
			_ = f.WriteContinuation(1, true, response[100:])
			_ = f.WriteData(1, false, []byte("!"))
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: hblock("grpc-status", "0"), EndHeaders: true, EndStream: true})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, BlockFragment: hblock(":status", "404"), EndHeaders: true, EndStream: true})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 7, BlockFragment: nil, EndHeaders: true, EndStream: true})
		}), []string{defaults, "headers 3 103 [link: </a>] end=false", answer, `data 1 "!" n=1 end=false`,
			"headers 1  [grpc-status: 0] end=true", "headers 5 404 end=true", "headers 7  end=true"}},
		{"requests", h2.Server, append([]byte(h2.Preface), framer(func(f *http2.Framer) {
			_ = f.WriteSettings()
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: connect, EndHeaders: true})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, EndHeaders: true, EndStream: true,
				BlockFragment: hblock(":method", "GET", ":scheme", "http", ":path", "/")})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, EndHeaders: true,
				BlockFragment: hblock(":method", "CONNECT", ":authority", "[::1]:80")})
		})...), []string{defaults, "headers 1 " + request + " [host: CHAT.example] [te: trailers] end=false",
			"headers 3 GET http /  end=true", "headers 5 CONNECT [::1]:80  end=false"}},
	}
}

func TestReader(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			expect(t, walk(h2.NewReader(v.side, ours, limits), v.bytes), v.want)
		})
	}
}

func expect(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("\ngot  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestEverySplit(t *testing.T) {
	for _, v := range append(vectors(), refusals()...) {
		t.Run(v.name, func(t *testing.T) {
			for i := range v.bytes {
				expect(t, walk(h2.NewReader(v.side, ours, limits), v.bytes[:i], v.bytes[i:]), v.want)
			}
			single := make([][]byte, len(v.bytes))
			for i := range v.bytes {
				single[i] = v.bytes[i : i+1]
			}
			expect(t, walk(h2.NewReader(v.side, ours, limits), single...), v.want)
		})
	}
}

// A prefix gives the events of what is whole, no fault, and nothing that comes later.
func TestEveryPrefix(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			for i := range v.bytes {
				got := walk(h2.NewReader(v.side, ours, limits), v.bytes[:i])
				if n := len(got); n > 0 && strings.HasPrefix(got[n-1], "data") {
					got = got[:n-1] // its frame may have come in part
				}
				if len(got) > len(v.want) || !slices.Equal(got, v.want[:len(got)]) {
					t.Fatalf("%d bytes:\ngot  %q\nwant %q", i, got, v.want)
				}
			}
		})
	}
}

// DATA is given as it comes, and takes of the windows what came of it.
func TestDataPieces(t *testing.T) {
	r := begun(t, h2.Client)
	b := framer(func(f *http2.Framer) { _ = f.WriteDataPadded(1, true, []byte("abcdef"), make([]byte, 5)) })
	cuts := []struct {
		upTo    int
		kind    h2.Kind
		payload string
		n       uint32
		end     bool
	}{
		{h2.HeaderLen + 1, h2.None, "", 0, false},
		{h2.HeaderLen + 3, h2.Data, "ab", 3, false},
		{h2.HeaderLen + 9, h2.Data, "cdef", 6, false},
		{len(b) - 1, h2.Data, "", 2, false},
		{len(b), h2.Data, "", 1, true},
	}
	at := 0
	for _, c := range cuts {
		piece := b[at:c.upTo]
		ev, used := r.Next(piece)
		if ev.Kind != c.kind || string(ev.Payload) != c.payload || ev.N != c.n || ev.End != c.end || used != len(piece) {
			t.Errorf("up to %d: %+v", c.upTo, ev)
		}
		if len(ev.Payload) > 0 && &ev.Payload[0] != &piece[min(len(piece)-1, max(0, h2.HeaderLen+1-at))] {
			t.Errorf("up to %d: the payload was copied", c.upTo)
		}
		at = c.upTo
	}
}

func TestFaultIsFinal(t *testing.T) {
	r := begun(t, h2.Client)
	bad := raw(h2.TypeData, 0, 0, "x")
	for range 2 {
		ev, used := r.Next(append(bad, hello...))
		if ev.Kind != h2.Fault || r.Err().Reason != "h2_stream_zero" || used != len(bad)+len(hello) {
			t.Fatal(ev, used)
		}
		bad = nil
	}
}
