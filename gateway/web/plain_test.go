package web

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/codec/http1"
)

// pieces is a connection that delivers them one by one; a deadline passes before each.
type pieces struct {
	net.Conn
	rest []string
	late bool
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

func (p *pieces) Read(b []byte) (int, error) {
	if p.late = !p.late; p.late {
		return 0, os.ErrDeadlineExceeded
	}
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[0])
	if p.rest[0] = p.rest[0][n:]; p.rest[0] == "" {
		p.rest = p.rest[1:]
	}
	return n, nil
}

var testLimits = http1.Limits{Head: 300, Fields: 10}

func plainOf(parts ...string) *plainConn {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return &plainConn{Conn: &pieces{rest: parts}, limits: testLimits, headTime: time.Second}
}

// outcome is all that there is to see of a connection, as net/http and the handler see it.
func outcome(c *plainConn, room int) string {
	var passed []byte
	for b := make([]byte, room); ; {
		n, err := c.Read(b)
		passed = append(passed, b[:n]...)
		if c.held != nil && len(c.held.bytes) > max(testLimits.Head, 1) {
			return fmt.Sprint(len(c.held.bytes), " bytes are held")
		}
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		text, last := string(passed), ""
		before, diverted := strings.CutSuffix(text, string(diverted))
		switch {
		case diverted && c.why != nil:
			last = c.why.Reason
		case diverted:
			head, early := c.handshake()
			last = fmt.Sprintf("%s|%s", head, early)
		case err == io.EOF:
			last = "end"
		default:
			last = err.Error()
		}
		return before + " -> " + last
	}
}

const (
	get       = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
	post      = "POST /a HTTP/1.1\r\nHost: x\r\n"
	chunked   = post + "Transfer-Encoding: chunked\r\n\r\n"
	handshake = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	bad       = "GET /a HTTP/1.1\nHost: x\r\n\r\n"
)

var streams = []struct{ what, in, want string }{
	{"nothing", "", " -> end"},
	{"a request", get, get + " -> end"},
	{"several", get + get + get, get + get + get + " -> end"},
	{"more than is held at once", strings.Repeat(get, 30), strings.Repeat(get, 30) + " -> end"},
	{"a head that ends early", get + "GET /a HTTP/1.1\r\nHo", get + " -> end"},
	{"a length", post + "Content-Length: 5\r\n\r\n" + bad[:5] + get, post + "Content-Length: 5\r\n\r\n" + bad[:5] + get + " -> end"},
	{"a long body", post + "Content-Length: 1000\r\n\r\n" + strings.Repeat("b", 1000) + get, post + "Content-Length: 1000\r\n\r\n" + strings.Repeat("b", 1000) + get + " -> end"},
	{"a body that is short", post + "Content-Length: 9\r\n\r\nabc", post + "Content-Length: 9\r\n\r\nabc -> end"},
	{"a length of 0", post + "Content-Length: 0\r\n\r\n" + bad, post + "Content-Length: 0\r\n\r\n -> bare_lf"},
	{"bad at once", bad + get, " -> bare_lf"},
	{"bad behind another", get + bad + get, get + " -> bare_lf"},
	{"bad behind a length", post + "Content-Length: 3\r\n\r\nabc" + bad, post + "Content-Length: 3\r\n\r\nabc -> bare_lf"},
	{"bad behind chunks", chunked + "0\r\n\r\n" + bad, chunked + "0\r\n\r\n -> bare_lf"},
	{"an empty line in front", get + "\r\n" + get, get + get + " -> end"},
	{"an empty line with a space", get + " \r\n" + get, get + " -> bad_request_line"},
	{"an empty line and no more", get + "\r\n", get + " -> end"},
	{"absolute-form", get + "GET http://y/a?b HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n" + get, get + "GET /a?b HTTP/1.1\r\nHost: y\r\nA: b\r\n\r\n" + get + " -> end"},
	{"Host of an empty port", "GET /a HTTP/1.1\r\nHost: x:\r\n\r\n" + get, get + get + " -> end"},
	{"two Hosts", get + "GET /a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", get + " -> duplicate_host"},
	{"length and chunked", get + post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get, get + " -> length_and_transfer_encoding"},
	{"equal lengths", post + "Content-Length: 5\r\nContent-Length: 5, 5\r\n\r\nabcde" + get, post + "Content-Length: 5\r\n\r\nabcde" + get + " -> end"},
	{"two lengths", get + post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde" + get, get + " -> duplicate_content_length"},
	{"a folded field", get + "GET /a HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n" + get, get + " -> obs_fold"},
	{"HTTP/1.0", get + "GET /a HTTP/1.0\r\n\r\n", get + "GET /a HTTP/1.0\r\n\r\n -> end"},
	{"HTTP/2.0", get + "GET /a HTTP/2.0\r\nHost: x\r\n\r\n", get + " -> bad_http_version"},
	{"what stands for a refusal", get + string(diverted) + get, get + " -> bad_target"},
	{"too large", get + "GET /a HTTP/1.1\r\nX: " + strings.Repeat("x", 300) + "\r\n\r\n", get + " -> head_too_large"},
	{"as large as it may be", sized(300) + sized(300), sized(300) + sized(300) + " -> end"},
	{"one byte larger", sized(300) + sized(301), sized(300) + " -> head_too_large"},
	{"too many fields", get + "GET /a HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 11) + "\r\n", get + " -> too_many_fields"},
	{"a handshake", handshake, " -> " + handshake + "|"},
	{"frames behind it", get + handshake + "\x81\x85\x00\x00\x00\x00early\r\n", get + " -> " + handshake + "|*"},
	{"a handshake with a body", chunked + "0\r\n\r\n" + strings.Replace(handshake, "Host", "Content-Length: 2\r\nHost", 1) + "ab",
		chunked + "0\r\n\r\n -> " + strings.Replace(handshake, "Host", "Content-Length: 2\r\nHost", 1) + "|*"},
}

func sized(n int) string {
	const begin, end = "GET /a HTTP/1.1\r\nHost: x\r\nX: ", "\r\n\r\n"
	return begin + strings.Repeat("x", n-len(begin+end)) + end
}

// bodies are in chunks; what begins with "!" passes up to there and no further.
var bodies = []string{
	"0\r\n\r\n", "000\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "A\r\n0123456789\r\n0\r\n\r\n", "3 ;x\r\nabc\r\n0;y=\"z\"\r\n\r\n",
	"4\r\n\r\n\r\n\r\n0\r\n\r\n", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\nX: y\r\nZ:\r\n\r\n", "1f4\r\n" + strings.Repeat("c", 500) + "\r\n0\r\n\r\n",
	"!\r\n\r\n", "! 3\r\n", "!+3\r\n", "!-1\r\n", "0!x3\r\n", "3!\nabc\r\n", "3\r!x", "3\r\nabc!def\r\n", "3\r\nabc!\n0\r\n\r\n", "3\r\nabc\r!a", "3;x!\ny\r\n", "3;x\r!y\r\n",
	"3;!\x00\r\n", "000000000000000!0\r\n\r\n", "100000000000000!0\r\n", "fffffffffffffff!f\r\n", "0\r\n!\n", "0\r\n\r!x", "0\r\n!: y\r\n\r\n", "0\r\n! X: y\r\n\r\n", "0\r\nX: y!\n\r\n",
	"0\r\nX: y\r\n! z\r\n\r\n", "3" + strings.Repeat(" ", 4095) + "! \r\nabc\r\n",
}

// TestEverySplit: what passes does not hang on how it comes, nor on how much is asked for.
func TestEverySplit(t *testing.T) {
	check := func(what, in, want string) {
		t.Helper()
		step := 1 + len(in)/400
		for _, room := range []int{1, 7, 100, 4096} {
			for at := 0; at <= len(in); at += step {
				if got := outcome(plainOf(in[:at], in[at:]), room); got != want {
					t.Fatalf("%s, cut at %d, read by %d:\n got %.500q\nwant %.500q", what, at, room, got, want)
				}
			}
			if got := outcome(plainOf(strings.Split(in, "")...), room); got != want {
				t.Fatalf("%s, byte by byte, read by %d:\n got %.500q\nwant %.500q", what, room, got, want)
			}
		}
	}
	for _, s := range streams {
		in, want := s.in, s.want
		if before, open := strings.CutSuffix(want, "*"); open {
			// How much of what is behind a handshake is held and how much still in the connection is nobody's concern.
			for at := range len(in) {
				if got := outcome(plainOf(in[:at], in[at:]), 100); !strings.HasPrefix(got, before) || !strings.HasSuffix(in, got[len(before):]) && !strings.Contains(in, got[len(before):]) {
					t.Errorf("%s, cut at %d: got %q, want %q", s.what, at, got, want)
				}
			}
			continue
		}
		check(s.what, in, want)
	}
	for _, b := range bodies {
		good, rest, fault := strings.Cut(b, "!")
		if fault {
			check(b, get+chunked+good+rest+get, get+chunked+good+" -> "+errChunks.Error())
		} else {
			check(b, get+chunked+b+get, get+chunked+b+get+" -> end")
		}
	}
}

// TestPastDeadline: net/http ends a Read with one, inside a head as anywhere.
func TestPastDeadline(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := &plainConn{Conn: near, limits: testLimits, headTime: time.Minute}
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	ended := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 9))
		ended <- err
	}()
	for range 2 { // at the second the head is known to have begun
		_, _ = io.WriteString(far, "G")
	}
	_ = c.SetReadDeadline(time.Unix(1, 0))
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the head goes on")
	}
}

// FuzzPlain holds what passes against net/http's own reader: that finds requests where we let them begin, and nowhere
// else unless it gives up before.
func FuzzPlain(f *testing.F) {
	for _, s := range streams {
		f.Add([]byte(s.in), uint(len(s.in)/2), uint(50))
	}
	for i, b := range bodies {
		f.Add([]byte(chunked+strings.Replace(b, "!", "", 1)+get), uint(i), uint(4096))
	}
	f.Add([]byte(chunked+"0\r\nX: y\n\r\n\r\n"+get), uint(3), uint(9))
	f.Add([]byte("HEAD / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"+get), uint(1), uint(9))
	f.Fuzz(func(t *testing.T, in []byte, cut, room uint) {
		at := int(cut % uint(len(in)+1))
		c := plainOf(string(in[:at]), string(in[at:]))
		b := make([]byte, 1+room%5000)
		var passed []byte
		begins := map[int]bool{}
		for {
			head := c.body.over() && len(c.ready) == 0 // what passes next begins one
			n, err := c.Read(b)
			if n > 0 && head {
				begins[len(passed)] = true
			}
			passed = append(passed, b[:n]...)
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
		}
		rest := bytes.NewReader(passed)
		r := bufio.NewReader(rest)
		for {
			at := len(passed) - rest.Len() - r.Buffered()
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if !begins[at] {
				t.Fatalf("in %q net/http finds a request at %d, and we at %v", passed, at, begins)
			}
			if req.RequestURI == divertedTarget {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			for inside := at + 1; inside < len(passed)-rest.Len()-r.Buffered(); inside++ {
				if begins[inside] {
					t.Fatalf("in %q we find a request at %d, and net/http a body", passed, inside)
				}
			}
		}
	})
}
