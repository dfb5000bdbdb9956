package h2_test

import (
	"slices"
	"testing"

	"weir/codec/h2"
)

// No bytes make a Reader panic, stand still, or find something else when they come in two pieces or one by one.
func FuzzReader(f *testing.F) {
	for _, v := range append(vectors(), refusals()...) {
		f.Add(v.bytes, v.side == h2.Server, uint16(len(v.bytes)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, server bool, split uint16) {
		side := h2.Client
		if server {
			side = h2.Server
		}
		whole := walk(h2.NewReader(side, ours, limits), b)
		at := min(int(split), len(b))
		if got := walk(h2.NewReader(side, ours, limits), b[:at], b[at:]); !slices.Equal(got, whole) {
			t.Fatalf("split at %d:\ngot  %q\nwant %q", at, got, whole)
		}
		if single := slices.Collect(slices.Chunk(b, 1)); len(b) < 4096 {
			if got := walk(h2.NewReader(side, ours, limits), single...); !slices.Equal(got, whole) {
				t.Fatalf("byte by byte:\ngot  %q\nwant %q", got, whole)
			}
		}
	})
}

// What an Encoder makes of a handshake, a Reader takes for the same, or names what is wrong with it.
func FuzzConnect(f *testing.F) {
	f.Add("chat.example", "/room?a=1", "Origin", "https://chat.example", "x-other", "")
	f.Add("a\r\nb", "*", "Connection", "upgrade", "te", "trailers")
	f.Add("[::1]:80", "/", "host", "[::1]:80", "cookie", "a=b\x00")
	f.Fuzz(func(t *testing.T, authority, path, name1, value1, name2, value2 string) {
		e, r := h2.NewEncoder(), begun(t, h2.Server)
		for stream := uint32(1); stream < 6; stream += 2 { // the table is filled, then used
			b := e.AppendConnect(nil, stream, "http", []byte(authority), []byte(path), fields(name1, value1, name2, value2))
			for len(b) > 0 {
				ev, used := r.Next(b)
				b = b[used:]
				switch ev.Kind {
				case h2.None, h2.StreamFault:
				case h2.Fault:
					if r.Err().Code != h2.EnhanceYourCalm {
						t.Fatal(r.Err())
					}
					return
				case h2.Headers:
					head := r.Head()
					list := head.Fields
					if string(head.Authority) != authority || string(head.Path) != path || string(head.Protocol) != "websocket" || len(list) != 3 ||
						string(list[1].Value) != value1 || string(list[2].Value) != value2 {
						t.Fatal(showHead(head))
					}
				default:
					t.Fatal(ev)
				}
			}
		}
	})
}
