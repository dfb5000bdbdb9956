package interop

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSmuggling sends each trick as the first request of a connection, behind another that came before or with it, and
// in pieces. The gateway answers as the table says, and the backend sees what the table says and nothing else.
func TestSmuggling(t *testing.T) {
	first := "GET @/first HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, way := range []struct {
		name, before, with string
		pieces             bool
	}{
		{"first", "", "", false}, {"in pieces", "", "", true}, {"second", first, "", false}, {"behind", "", first, false}, {"second, in pieces", first, "", true},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			r := startRecorder(t)
			p := startBinary(t, 0, "--upstream", "ws://"+r.ln.Addr().String(), "--health-interval", "0", "--close-timeout", "1s", "--drain-timeout", "1s")
			for i, c := range tricks {
				path := fmt.Sprintf("/%d", i)
				own := strings.NewReplacer("@", path)
				conn := dialFrom(t, "127.0.0.1", p.Addr)
				want := c.answers
				if way.before+way.with != "" {
					want = "200 " + want
				}
				var answers bytes.Buffer
				if way.before != "" {
					_, _ = io.WriteString(conn, own.Replace(way.before))
					untilOK(t, conn, &answers)
				}
				text := own.Replace(way.with + c.request + "GET @/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				if way.pieces {
					inPieces(conn, text)
				} else {
					_, _ = io.WriteString(conn, text)
				}
				answers.Write(rest(t, conn))
				if got := statuses(answers.String()); !slices.Contains(alternatives(want), got) {
					t.Errorf("%s: answered with %s, want %s", c.what, got, want)
				}
			}
			p.terminate(t)
			checkRecorded(t, r.all(), way.before+way.with != "")
		})
	}
}

// inPieces lets the kernel deliver them apart, as far as it does.
func inPieces(c net.Conn, text string) {
	for len(text) > 0 {
		n := min(7, len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			return
		}
		text = text[n:]
	}
}

// untilOK reads the recorder's whole answer.
func untilOK(t testing.TB, c net.Conn, into *bytes.Buffer) {
	t.Helper()
	for b := make([]byte, 1); !strings.HasSuffix(into.String(), "\r\n\r\nok"); {
		if _, err := c.Read(b); err != nil {
			t.Fatalf("%v behind %q", err, into)
		}
		into.Write(b)
	}
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] (\d{3}) `)

// statuses are those of the answers in a byte stream.
func statuses(text string) string {
	var all []string
	for _, found := range statusLine.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	return strings.Join(all, " ")
}

// alternatives spells out "200 400|501".
func alternatives(text string) []string {
	all := []string{""}
	for _, word := range strings.Fields(text) {
		var longer []string
		for _, begin := range all {
			for one := range strings.SplitSeq(word, "|") {
				longer = append(longer, strings.TrimSpace(begin+" "+one))
			}
		}
		all = longer
	}
	return all
}

func checkRecorded(t testing.TB, all []recorded, behind bool) {
	t.Helper()
	reached := map[string][]string{}
	for _, r := range all {
		number, rest, _ := strings.Cut(strings.TrimPrefix(r.target, "/"), "/")
		if rest != "" {
			rest = "/" + rest
		}
		var i int
		if n, err := fmt.Sscan(number, &i); n != 1 || err != nil || strings.Contains(r.target, "smuggled") {
			t.Errorf("the backend saw a request that nobody meant: %q", r.raw)
			continue
		}
		c, low := tricks[i], strings.ToLower(r.raw)
		for _, never := range []string{"h2c", "http2-settings", "6.6.6.6", "tls/1.0"} {
			if strings.Contains(low, never) {
				t.Errorf("%s: the backend saw %s in %q", c.what, never, r.raw)
			}
		}
		if r.fault != nil && c.reach == nil && rest == "" {
			continue // a body turned out to be bad, and so the request was broken off
		}
		if r.fault != nil {
			t.Errorf("%s: the backend saw %q, which breaks a rule: %v", c.what, r.raw, r.fault)
		}
		reached[number] = append(reached[number], rest)
	}
	for i, c := range tricks {
		want := c.reach
		if behind {
			want = append([]string{"/first"}, want...)
		}
		got := reached[fmt.Sprint(i)]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the backend got %q, want %q", c.what, got, want)
		}
	}
}

// TestUnfinishedBody: what stands behind it is the body's, whoever ends the connection.
func TestUnfinishedBody(t *testing.T) {
	r := startRecorder(t)
	p := startBinary(t, 0, "--upstream", "ws://"+r.ln.Addr().String(), "--health-interval", "0", "--close-timeout", "1s", "--drain-timeout", "1s")
	begun := 0
	for _, before := range []string{"", "GET /first HTTP/1.1\r\nHost: x\r\n\r\n"} {
		for _, framing := range []string{"Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n186a0\r\n"} {
			for _, end := range []func(net.Conn){func(c net.Conn) { fin(c.(*net.TCPConn)) }, func(c net.Conn) { reset(c.(*net.TCPConn)) },
				func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() }} {
				conn := dialFrom(t, "127.0.0.1", p.Addr)
				if before != "" {
					_, _ = io.WriteString(conn, before)
					untilOK(t, conn, new(bytes.Buffer))
				}
				own := strings.NewReplacer("@", fmt.Sprint("/", begun))
				_, _ = io.WriteString(conn, own.Replace("POST /unfinished HTTP/1.1\r\nHost: x\r\n"+framing+strings.Repeat(" ", 20<<10)+hidden+strings.Repeat(" ", 16<<10)))
				awaitTrue(t, fmt.Sprintf("the backend has body %d (%q, %q)", begun, before, framing), func() bool { return r.heard(fmt.Sprintf("/%d/smuggled", begun)) })
				begun++
				end(conn)
			}
		}
	}
	p.terminate(t)
	unfinished := 0
	for _, seen := range r.all() {
		switch {
		case seen.target == "/first" && seen.fault == nil:
		case seen.target == "/unfinished" && seen.fault != nil:
			unfinished++
		default:
			t.Errorf("the backend saw %q, %v", seen.raw, seen.fault)
		}
	}
	if unfinished != begun {
		t.Errorf("the backend saw %d bodies, want %d", unfinished, begun)
	}
}
