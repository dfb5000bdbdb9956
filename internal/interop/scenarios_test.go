package interop

import (
	"fmt"
	"strings"
	"testing"
)

// scenarios are what a front must let pass, whoever stands on its sides.
var scenarios = []struct {
	name    string
	backend command // how the backend listens
	play    func(t *testing.T, p *pair)
}{
	{"messages", command{}, playMessages},
	{"fragments", command{}, playFragments},
	{"compressed", command{Deflate: true}, playCompressed},
	{"compression declined", command{}, playDeclined},
	{"pings", command{}, playPings},
	{"closes", command{}, playCloses},
	{"handshake", command{Protocols: []string{"blue"}, Headers: [][2]string{
		{"Set-Cookie", "team=blue; Path=/; HttpOnly"}, {"Set-Cookie", "seat=7; SameSite=Lax"}}}, playHandshake},
	{"refused 401", command{Refuse: &refused401}, playRefusal(refused401)},
	{"refused 302", command{Refuse: &refused302}, playRefusal(refused302)},
	{"refused 500", command{Refuse: &refused500}, playRefusal(refused500)},
}

// exchange sends the same kind of message both ways at once, and checks that both arrive as they were sent.
func exchange(t testing.TB, a, b *Conn, c command) {
	t.Helper()
	c.Do = "send"
	fromA := a.do(t, c)
	fromB := b.do(t, c)
	for _, way := range []struct {
		to   *Conn
		sent event
	}{{b, fromA}, {a, fromB}} {
		got, _ := way.to.Expect(t, "message")
		if got.Kind != c.Kind || got.Size != c.Size || got.Hash != way.sent.Hash {
			t.Fatalf("%s of %d bytes to %s: arrived as %s of %d bytes, same content: %v",
				c.Kind, c.Size, way.to.peer.Name, got.Kind, got.Size, got.Hash == way.sent.Hash)
		}
	}
}

// end closes from a and checks what b saw.
func end(t testing.TB, a, b *Conn, code int, reason string) {
	t.Helper()
	a.do(t, command{Do: "close", Code: code, Reason: reason})
	if code == 0 {
		code = 1005
	}
	for _, c := range []*Conn{b, a} { // the answer to a close frame carries the same code and reason
		if got, _ := c.Expect(t, "close"); got.Code != code || got.Reason != reason {
			t.Errorf("close from %s: %s saw %d %q, want %d %q", a.peer.Name, c.peer.Name, got.Code, got.Reason, code, reason)
		}
	}
}

func playMessages(t *testing.T, p *pair) {
	client, backend, _, _ := p.open(t, command{})
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20} {
		for _, kind := range []string{"text", "binary"} {
			if kind == "text" && size > 1<<20 {
				continue // the front sees no difference, and text costs the scripts much time
			}
			exchange(t, client, backend, command{Kind: kind, Size: size})
		}
	}
	end(t, client, backend, 1000, "")
}

func playFragments(t *testing.T, p *pair) {
	client, backend, _, _ := p.open(t, command{})
	for _, c := range []command{
		{Kind: "text", Size: 300, Fragments: 300},
		{Kind: "binary", Size: 100_000, Fragments: 100, Pings: true},
		{Kind: "text", Size: 1 << 20, Fragments: 16, Pings: true},
		{Kind: "binary", Size: 3, Fragments: 5}, // some of them empty
	} {
		c.Do = "send"
		for _, way := range []struct{ from, to *Conn }{{client, backend}, {backend, client}} {
			sent := way.from.do(t, c)
			got, before := way.to.Expect(t, "message")
			if got.Kind != c.Kind || got.Size != c.Size || got.Hash != sent.Hash {
				t.Errorf("%s of %d bytes in %d fragments arrived as %s of %d bytes", c.Kind, c.Size, c.Fragments, got.Kind, got.Size)
			}
			want := 0
			if c.Pings {
				want = (c.Fragments + 9) / 10
			}
			if pings := countKind(before, "ping"); pings != want {
				t.Errorf("%d pings arrived between %d fragments, want %d", pings, c.Fragments, want)
			}
		}
	}
	end(t, backend, client, 1000, "")
}

func countKind(all []event, kind string) (n int) {
	for _, ev := range all {
		if ev.Event == kind {
			n++
		}
	}
	return n
}

// playCompressed checks that compression is agreed by the peers and that compressed bytes are what passes.
func playCompressed(t *testing.T, p *pair) {
	client, backend, answer, _ := p.open(t, command{Deflate: true})
	if !strings.Contains(answer.Extensions, "permessage-deflate") {
		t.Fatalf("no compression was agreed: %q", answer.Extensions)
	}
	const size = 200_000
	exchange(t, client, backend, command{Kind: "text", Size: size, Compressible: true})
	for _, way := range []string{"up", "down"} {
		if passed := p.front.metric(t, "weir_bytes_total", way); passed > size/4 {
			t.Errorf("%v bytes passed %s, so it was not compressed", passed, way)
		}
	}
	exchange(t, client, backend, command{Kind: "text", Size: 0})
	exchange(t, client, backend, command{Kind: "binary", Size: 100_000}) // does not compress
	exchange(t, client, backend, command{Kind: "text", Size: 20_000, Compressible: true, Fragments: 10})
	end(t, client, backend, 3000, "compressed")
}

func playDeclined(t *testing.T, p *pair) {
	client, backend, answer, _ := p.open(t, command{Deflate: true})
	if answer.Extensions != "" {
		t.Errorf("the backend agreed to no extension, the client was told %q", answer.Extensions)
	}
	exchange(t, client, backend, command{Kind: "text", Size: 1000, Compressible: true})
	end(t, backend, client, 1000, "")
}

func playPings(t *testing.T, p *pair) {
	client, backend, _, _ := p.open(t, command{})
	for _, way := range []struct{ from, to *Conn }{{client, backend}, {backend, client}} {
		for _, payload := range []string{"p", "12345678", strings.Repeat("x", 125)} {
			asked := way.from.do(t, command{Do: "ping", Payload: payload})
			ping, _ := way.to.Expect(t, "ping")
			if asked.Payload != "" && ping.Payload != payload {
				t.Errorf("a ping of %q arrived as %q", payload, ping.Payload)
			}
			if pong, _ := way.from.Expect(t, "pong"); pong.Payload != ping.Payload || pong.Payload == "" {
				t.Errorf("a ping of %q was answered with %q", ping.Payload, pong.Payload)
			}
		}
	}
	end(t, client, backend, 1000, "")
}

func playCloses(t *testing.T, p *pair) {
	for _, c := range []struct {
		code   int
		reason string
	}{
		{1000, ""}, {1000, "done"}, {1001, "leaving"}, {3000, "unauthorised"},
		{4321, "grüße " + strings.Repeat("r", 123-len("grüße "))}, {0, ""},
	} {
		t.Run(fmt.Sprint(c.code, " ", len(c.reason)), func(t *testing.T) {
			client, backend, _, _ := p.open(t, command{})
			end(t, client, backend, c.code, c.reason)
			client, backend, _, _ = p.open(t, command{})
			end(t, backend, client, c.code, c.reason)
		})
	}
}

func playHandshake(t *testing.T, p *pair) {
	client, backend, answer, opened := p.open(t, command{URL: p.front.url("/room/7?seat=a%20b"),
		Protocols: []string{"red", "blue"}, Headers: [][2]string{{"Cookie", "session=abc; theme=dark"}}})
	if answer.Protocol != "blue" {
		t.Errorf("the client was told the subprotocol %q, want blue", answer.Protocol)
	}
	if want := []string{"team=blue; Path=/; HttpOnly", "seat=7; SameSite=Lax"}; fmt.Sprint(answer.Cookies) != fmt.Sprint(want) {
		t.Errorf("the client was given cookies %q, want %q", answer.Cookies, want)
	}
	if opened.Target != "/room/7?seat=a%20b" || opened.Cookie != "session=abc; theme=dark" {
		t.Errorf("the backend saw target %q and cookie %q", opened.Target, opened.Cookie)
	}
	end(t, client, backend, 1000, "")
}

var (
	refused401 = refusal{401, [][2]string{{"WWW-Authenticate", `Bearer realm="rooms"`}, {"X-Reason", "no token"}}, "who are you?\n"}
	refused302 = refusal{302, [][2]string{{"Location", "/elsewhere"}}, ""}
	refused500 = refusal{500, [][2]string{{"Content-Type", "text/plain"}}, strings.Repeat("broken ", 100)}
)

// playRefusal checks that a backend's answer that is no 101 comes to the client as it is.
func playRefusal(want refusal) func(*testing.T, *pair) {
	return func(t *testing.T, p *pair) {
		conn, got := p.client.Dial(t, command{URL: p.front.url("/")})
		if conn != nil || got.Status != want.Status {
			t.Fatalf("connected: %v, status %d, want status %d", conn != nil, got.Status, want.Status)
		}
		for _, h := range want.Headers {
			if v := got.Headers[strings.ToLower(h[0])]; v != h[1] {
				t.Errorf("header %s: %v, want %q", h[0], v, h[1])
			}
		}
		if got.Body != nil && *got.Body != want.Body {
			t.Errorf("body %q, want %q", *got.Body, want.Body)
		}
	}
}
