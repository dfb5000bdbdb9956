package web_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/gateway/web"
)

// h2client speaks HTTP/2 frame by frame.
type h2client struct {
	*http2.Framer
	t        testing.TB
	conn     net.Conn
	block    bytes.Buffer
	encoder  *hpack.Encoder
	decoder  *hpack.Decoder
	got      string // the last :status
	stream   uint32
	settings map[http2.SettingID]uint32 // the server's
}

// h2 opens a connection and sends the preface.
func (r *rig) h2() *h2client {
	r.t.Helper()
	_, trust := credentials()
	trust = trust.Clone()
	trust.ServerName, trust.NextProtos = "127.0.0.1", []string{"h2"}
	conn, err := tls.Dial("tcp", r.url[strings.LastIndex(r.url, "/")+1:], trust)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &h2client{Framer: http2.NewFramer(conn, conn), t: r.t, conn: conn, stream: 1, settings: map[http2.SettingID]uint32{}}
	c.encoder = hpack.NewEncoder(&c.block)
	c.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":status" {
			c.got = f.Value
		}
	})
	_, _ = conn.Write([]byte(http2.ClientPreface))
	_ = c.WriteSettings()
	return c
}

// ask begins a stream with these fields, each a name and a value.
func (c *h2client) ask(fields ...string) (stream uint32) {
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	stream, c.stream = c.stream, c.stream+2
	const most = 16 << 10
	rest := c.block.Bytes()
	first := rest[:min(len(rest), most)]
	rest = rest[len(first):]
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndStream: true, EndHeaders: len(rest) == 0})
	for len(rest) > 0 {
		part := rest[:min(len(rest), most)]
		rest = rest[len(part):]
		_ = c.WriteContinuation(stream, len(rest) == 0, part)
	}
	return stream
}

// status is that of the next answer, or how the stream or the connection ended.
func (c *h2client) status() string {
	c.t.Helper()
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return err.Error()
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			_, _ = c.decoder.Write(f.HeaderBlockFragment())
			return c.got
		case *http2.SettingsFrame:
			_ = f.ForeachSetting(func(s http2.Setting) error { c.settings[s.ID] = s.Val; return nil })
		case *http2.RSTStreamFrame:
			return "reset " + f.ErrCode.String()
		case *http2.GoAwayFrame:
			return "goaway " + f.ErrCode.String()
		}
	}
}

func pseudo(authority, path string, more ...string) []string {
	fields := []string{":method", "GET", ":scheme", "https", ":path", path}
	if authority != "" {
		fields = append(fields, ":authority", authority)
	}
	return append(fields, more...)
}

// TestHostOverHTTP2: a Host field in the place of :authority, or with the same to say, is taken (RFC 9113 section 8.3.1).
func TestHostOverHTTP2(t *testing.T) {
	hosts := make(chan string, 1)
	r := newRig(t, setup{tls: true, specs: []string{backend(t, func(_ http.ResponseWriter, r *http.Request) { hosts <- fmt.Sprint(r.Host, r.Header["Host"]) })}})
	for _, c := range []struct {
		what   string
		fields []string
		status string
		host   string
	}{
		{"alone", pseudo("", "/", "host", "a.example"), "200", "a.example"},
		{"equal", pseudo("a.example:81", "/", "host", "a.example:81"), "200", "a.example:81"},
		{"equal but for the case", pseudo("a.example", "/", "host", "A.Example"), "200", "a.example"},
		{"authority with an empty port", pseudo("a.example:", "/"), "200", "a.example"},
		{"twice the same", pseudo("", "/", "host", "a.example", "host", "a.example"), "200", "a.example"},
		{"another", pseudo("a.example", "/", "host", "b.example"), "400", ""},
		{"another port", pseudo("a.example", "/", "host", "a.example:443"), "400", ""},
		{"two", pseudo("", "/", "host", "a.example", "host", "b.example"), "400", ""},
		{"empty beside", pseudo("a.example", "/", "host", ""), "400", ""},
		{"none", pseudo("", "/"), "400", ""},
	} {
		client := r.h2()
		client.ask(c.fields...)
		equal(t, c.what, client.status(), c.status)
		if c.status == "200" {
			equal(t, c.what+": host", <-hosts, c.host+"[]")
		}
	}
}

// TestTooLargeOverHTTP2 is refused, and the connection goes on.
func TestTooLargeOverHTTP2(t *testing.T) {
	r := newRig(t, setup{tls: true, specs: []string{backend(t, func(http.ResponseWriter, *http.Request) {})}, options: func(o *web.Options) { o.Limits.Path = 1000 }})
	client := r.h2()
	for _, size := range []int{15 << 10, 17 << 10, 33 << 10, 60 << 10} {
		want := "431"
		if size < 16<<10 {
			want = "200"
		}
		client.ask(pseudo("a.example", "/", "x", strings.Repeat("\x7e", size))...)
		equal(t, fmt.Sprint("a field of ", size), client.status(), want)
	}
	client.ask(pseudo("a.example", "/"+strings.Repeat("a", 999)+"?"+strings.Repeat("b", 2000))...)
	equal(t, "longest path", client.status(), "200")
	client.ask(pseudo("a.example", "/"+strings.Repeat("a", 1000))...)
	equal(t, "longer path", client.status(), "414")
	client.ask(pseudo("a.example", "/")...)
	equal(t, "another request", client.status(), "200")
}

// TestNoRequestOverHTTP2 is bounded, whatever else comes.
func TestNoRequestOverHTTP2(t *testing.T) {
	r := newRig(t, setup{tls: true, specs: []string{backend(t, func(http.ResponseWriter, *http.Request) {})}, options: func(o *web.Options) { o.HeaderTimeout = 300 * time.Millisecond }})
	silent, busy, asking := r.h2(), r.h2(), r.h2()
	asking.ask(pseudo("a.example", "/")...)
	equal(t, "a request", asking.status(), "200")
	equal(t, "the largest frame", asking.settings[http2.SettingMaxFrameSize], 16<<10)
	go func() {
		for busy.WritePing(false, [8]byte{}) == nil && busy.WriteSettings() == nil && busy.WriteWindowUpdate(0, 1) == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	for what, c := range map[string]*h2client{"silent": silent, "busy": busy} {
		for {
			f, err := c.ReadFrame()
			if err == nil {
				continue
			}
			var slow net.Error
			if errors.As(err, &slow) && slow.Timeout() {
				t.Errorf("%s: it goes on, with %v", what, f)
			}
			break
		}
	}
	asking.ask(pseudo("a.example", "/")...)
	equal(t, "a later request", asking.status(), "200")
}

// TestUnreadAnswersOverHTTP2: who takes no answers gets no further with asking, and goes on where it does.
func TestUnreadAnswersOverHTTP2(t *testing.T) {
	r := newRig(t, setup{tls: true, specs: []string{backend(t, func(http.ResponseWriter, *http.Request) {})}})
	c := r.h2()
	_ = c.conn.(*tls.Conn).NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
	c.ask(pseudo("a.example", "/")...)
	equal(t, "a request", c.status(), "200")
	const pings = 30_000 // whose answers are more than there are buffers for, and than net/http keeps
	go func() {
		_, _ = c.conn.Write(bytes.Repeat([]byte("\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"), pings))
	}()
	time.Sleep(300 * time.Millisecond) // nobody reads
	got := 0
	_ = c.conn.SetDeadline(time.Now().Add(3 * patience))
	for {
		f, err := c.ReadFrame()
		if err != nil {
			break
		}
		if ping, ok := f.(*http2.PingFrame); ok && ping.IsAck() {
			if got++; got == pings {
				break
			}
		}
	}
	equal(t, "answers", got, pings)
}

// TestNoPrefaceOverHTTP2 is the end of the connection where HTTP/2 was negotiated, however it is cut: nothing is served, and
// no answer comes in another protocol.
func TestNoPrefaceOverHTTP2(t *testing.T) {
	r := newRig(t, setup{tls: true, specs: []string{backend(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the backend got %s", r.URL) })}})
	_, trust := credentials()
	trust = trust.Clone()
	trust.ServerName, trust.NextProtos = "127.0.0.1", []string{"h2"}
	for _, says := range [][]string{
		{"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"}, {"INVALID CONNECTION PREFACE\r\n\r\n"}, {"PRI * HTTP/1.1\r\nHost: a.example\r\n\r\n"},
		{"P", "OST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"}, {http2.ClientPreface[:20], "nonsense"},
	} {
		conn, err := tls.Dial("tcp", r.url[strings.LastIndex(r.url, "/")+1:], trust)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		for _, part := range says {
			_, _ = io.WriteString(conn, part)
		}
		got, err := io.ReadAll(conn)
		var slow net.Error
		if len(got) > 0 || errors.As(err, &slow) && slow.Timeout() {
			t.Errorf("%q was answered with %q, %v", says, got, err)
		}
		_ = conn.Close()
	}
}
