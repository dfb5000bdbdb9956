package interop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"
)

// recorder is a backend that takes HTTP/1.1 by the letter and keeps every byte. It answers plain requests with 200 and
// upgrades with 101, or with 426 on a connection that it keeps where the target ends in "/declined".
type recorder struct {
	ln net.Listener
	wg sync.WaitGroup

	tape lines // what comes in, as it comes

	mu       sync.Mutex
	requests []recorded
}

// recorded is one request, or what came in its place.
type recorded struct {
	raw    string // head and body, as they came
	target string
	fault  error // why it is no whole and good request
}

func startRecorder(t testing.TB) *recorder {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{ln: ln}
	r.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.serve(c) })
		}
	})
	t.Cleanup(func() { _ = ln.Close() })
	return r
}

// all are the requests of all connections. The gateway must have ended, so that nothing can follow.
func (r *recorder) all() []recorded {
	_ = r.ln.Close()
	r.wg.Wait()
	return r.requests
}

// heard tells whether a text is in the last of what has come.
func (r *recorder) heard(text string) bool { return strings.Contains(r.tape.String(), text) }

func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	in := &keeping{Reader: bufio.NewReader(io.TeeReader(c, &r.tape))}
	for {
		in.kept = nil
		target, upgrade, err := in.request()
		if err != nil && len(in.kept) == 0 { // ended or reset between requests
			return
		}
		answer := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		switch {
		case upgrade != "" && strings.HasSuffix(target, "/declined"):
			answer = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"
		case upgrade != "":
			answer = upgrade
		}
		if err == nil {
			_, err = io.WriteString(c, answer)
		}
		if err == nil && answer == upgrade {
			for err == nil { // the rest is one byte stream
				_, err = in.ReadByte()
			}
			err = nil
		}
		r.mu.Lock()
		r.requests = append(r.requests, recorded{string(in.kept), target, err})
		r.mu.Unlock()
		if err != nil || answer == upgrade {
			return
		}
	}
}

// keeping remembers what was read.
type keeping struct {
	*bufio.Reader
	kept []byte
}

func (k *keeping) ReadByte() (byte, error) {
	b, err := k.Reader.ReadByte()
	if err == nil {
		k.kept = append(k.kept, b)
	}
	return b, err
}

// line reads up to CRLF, and takes neither of the two alone.
func (k *keeping) line() (string, error) {
	begin := len(k.kept)
	for {
		b, err := k.ReadByte()
		text := string(k.kept[begin:])
		switch {
		case err != nil:
			return text, err
		case strings.HasSuffix(text, "\r\n"):
			return text[:len(text)-2], nil
		case b == '\n', len(text) > 1 && text[len(text)-2] == '\r':
			return text, fmt.Errorf("CR or LF alone in %q", text)
		}
	}
}

func (k *keeping) skip(n int) error {
	for range n {
		if _, err := k.ReadByte(); err != nil {
			return err
		}
	}
	return nil
}

// request reads one with its body. upgrade is the answer to a WebSocket handshake.
func (k *keeping) request() (target, upgrade string, err error) {
	line, err := k.line()
	if err != nil {
		return "", "", err
	}
	words := strings.Split(line, " ")
	if len(words) != 3 || words[2] != "HTTP/1.1" {
		return line, "", fmt.Errorf("request line %q", line)
	}
	target = words[1]
	fields, err := k.fields()
	if err != nil {
		return target, "", err
	}
	length, coding := fields["content-length"], fields["transfer-encoding"]
	switch {
	case len(fields["host"]) != 1, len(length)+len(coding) > 1, len(coding) == 1 && coding[0] != "chunked":
		return target, "", fmt.Errorf("framed or addressed badly: %q", fields)
	case len(length) == 1:
		n, err := strconv.ParseUint(length[0], 10, 31)
		if err == nil {
			err = k.skip(int(n))
		}
		return target, "", err
	case len(coding) == 1:
		return target, "", k.chunks()
	}
	if key := fields["sec-websocket-key"]; len(key) == 1 && len(fields["upgrade"]) == 1 {
		answer, err := accepted(k.kept)
		return target, answer, err
	}
	return target, "", nil
}

// accepted is the 101 to a handshake.
func accepted(head []byte) (answer string, err error) {
	var out strings.Builder
	_, err = ws.Upgrade(struct {
		io.Reader
		io.Writer
	}{strings.NewReader(string(head)), &out})
	return out.String(), err
}

// fields are those up to an empty line, with names in lower case.
func (k *keeping) fields() (map[string][]string, error) {
	all := map[string][]string{}
	for {
		line, err := k.line()
		if err != nil || line == "" {
			return all, err
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return all, fmt.Errorf("field %q", line)
		}
		name = strings.ToLower(name)
		all[name] = append(all[name], value)
	}
}

func (k *keeping) chunks() error {
	for {
		line, err := k.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(line, 16, 31)
		if err != nil {
			return err
		}
		if n == 0 {
			_, err := k.fields()
			return err
		}
		if err := k.skip(int(n)); err != nil {
			return err
		}
		if end, err := k.line(); err != nil || end != "" {
			return errors.Join(err, fmt.Errorf("%q behind a chunk", end))
		}
	}
}
