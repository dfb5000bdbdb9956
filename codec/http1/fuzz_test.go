package http1_test

import (
	"bytes"
	"net/netip"
	"testing"

	"weir/codec/http1"
)

// Whatever is taken for a handshake goes up as a head which the same parser takes, with the same fields and no more.
// That holds for every split of the input.
func FuzzRequest(f *testing.F) {
	for _, c := range requests {
		if len(c.head) < 2000 {
			f.Add([]byte(c.head), uint16(len(c.head)/2))
		}
	}
	for _, c := range origins {
		f.Add([]byte(with("X: a\r\n"+c.lines)), uint16(0))
	}
	ru := http1.Rules{Forwarded: true, Standard: true, Identity: "X-Client-Name", Request: rules(f, "set X-Team: blue", "remove Origin", "add X-Team: red")}
	f.Fuzz(func(t *testing.T, b []byte, split uint16) {
		var r, again http1.Request
		n, reason := parse(&r, string(b), len(b), limits)
		if m, why := parse(&again, string(b), min(int(split), len(b)), limits); m != n || why != reason || n > 0 && show(&r) != show(&again) {
			t.Fatalf("split: %d %q, whole: %d %q", m, why, n, reason)
		}
		if n == 0 {
			return
		}
		if !bytes.HasSuffix(b[:n], []byte("\r\n\r\n")) || reason != "" {
			t.Fatalf("n=%d %q", n, reason)
		}
		sameAsNetHTTP(t, &r, b[:n])
		peer := netip.AddrFrom4([4]byte{10, 0, 0, 9})
		from := r.Origin(peer, false, trusted, nil)
		if got, want := showFrom(from), showFrom(http1.OriginHeader(headerOf(r.Fields), peer, false, trusted)); got != want || len(from.Hops) > 32 || len(from.Hops) > 0 && from.Hops[len(from.Hops)-1] != peer {
			t.Fatalf("%q: from %s, in net/http's header %s", b[:n], got, want)
		}
		if r.CheckUpgrade() != nil {
			return
		}
		fields, host, _ := ru.Forward(nil, nil, &r, someone)
		out := http1.AppendUpgrade(nil, r.Target, host, r.Key, fields)
		wide := http1.Limits{Head: len(out), Fields: limits.Fields + 20}
		if m, reason := parse(&again, string(out), len(out), wide); m != len(out) || reason != "" {
			t.Fatalf("our own head is refused: %s\n%q", reason, out)
		}
		const written = 5 // Host, Upgrade, Connection, Key, Version
		if got, want := showFields(again.Fields[written:]), showFields(fields); got != want || string(again.Target) != string(r.Target) {
			t.Fatalf("\ngot  %q\nwant %q", got, want)
		}
		for name, want := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.7"} {
			if n, value := count(again.Fields, name); n != 1 || value != want {
				t.Fatalf("%d of %s: %q", n, name, value)
			}
		}
		for _, name := range []string{"HTTP2-Settings", "Transfer-Encoding", "Content-Length", "TE", "Keep-Alive"} {
			if n, value := count(again.Fields, name); n != 0 {
				t.Fatalf("%s: %q went up", name, value)
			}
		}
	})
}

func FuzzResponse(f *testing.F) {
	for _, c := range responses {
		if len(c.head) < 2000 {
			f.Add([]byte(c.head), uint16(len(c.head)/2))
		}
	}
	f.Add([]byte(answer("Transfer-Encoding: chunked")+"5;a=b\r\nhello\r\n0\r\nX: a\r\n\r\nmore"), uint16(60))
	f.Add([]byte(answer("Content-Length: 5")+"hello more"), uint16(45))
	var ru http1.Rules
	f.Fuzz(func(t *testing.T, b []byte, split uint16) {
		var r, again http1.Response
		at := min(int(split), len(b))
		n, reason := parseResponse(&r, string(b), len(b))
		if m, why := parseResponse(&again, string(b), at); m != n || why != reason || n > 0 && showResponse(&r) != showResponse(&again) {
			t.Fatalf("split: %d %q, whole: %d %q", m, why, n, reason)
		}
		if n == 0 {
			return
		}
		r.Extensions()
		for _, status := range []int{101, r.Status} {
			upgraded := status == 101
			fields := ru.Answer(nil, r.Fields, status)
			out := http1.AppendSwitching(nil, []byte(rfcAccept), fields)
			if !upgraded {
				out = http1.AppendAnswer(nil, r.Status, r.Reason, fields)
			}
			if m, reason := parseResponse(&again, string(out), len(out)); m != len(out) || reason != "" {
				t.Fatalf("our own head is refused: %q\n%q", reason, out)
			}
			if fault := again.CheckSwitch([]byte(rfcAccept)); upgraded == (fault != nil) {
				t.Fatalf("upgraded=%v %v\n%q", upgraded, fault, out)
			}
		}
		body, fault := r.Body()
		if fault != nil {
			return
		}
		whole, part := body, body
		p := b[n:]
		at = min(at, len(p))
		k, done, err := whole.Scan(p)
		j, ended, wrong := part.Scan(p[:at])
		if j == at && !ended && wrong == nil {
			var more int
			more, ended, wrong = part.Scan(p[at:])
			j += more
		}
		if j != k || ended != done || wrong != err || k > len(p) {
			t.Fatalf("body: split %d %v %v, whole %d %v %v", j, ended, wrong, k, done, err)
		}
	})
}

// No rule that is taken can break a head.
func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"set X-Team: blue", "add X:", "remove Server", "set Host: a:80", "set X: a\r\nUpgrade: h2c", "add Transfer-Encoding: chunked"} {
		f.Add(s)
	}
	r, _ := upgrade(rfcRequest)
	f.Fuzz(func(t *testing.T, s string) {
		rule, err := http1.ParseRule(s)
		if err != nil {
			return
		}
		ru := http1.Rules{Request: []http1.Rule{rule}}
		fields, host, _ := ru.Forward(nil, nil, r, someone)
		var again http1.Request
		out := string(http1.AppendUpgrade(nil, r.Target, host, r.Key, fields))
		if n, reason := parse(&again, out, 0, http1.Limits{Head: len(out), Fields: 100}); n != len(out) || reason != "" || again.CheckUpgrade() != nil {
			t.Fatalf("%+v breaks the head: %s\n%q", rule, reason, out)
		}
		if got, want := showFields(again.Fields[5:]), showFields(fields); got != want {
			t.Fatalf("\ngot  %q\nwant %q", got, want)
		}
	})
}

// count compares as a backend may that reads '_' as '-'.
func count(fields []http1.Field, name string) (n int, value string) {
	for _, f := range fields {
		if bytes.EqualFold(bytes.ReplaceAll(f.Name, []byte("_"), []byte("-")), []byte(name)) {
			n, value = n+1, string(f.Value)
		}
	}
	return n, value
}
