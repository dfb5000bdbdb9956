package accept_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"weir/upstream/accept"
)

func TestSettings(t *testing.T) {
	l := listen(t, accept.Options{MaxStreams: 7, Window: 1 << 20})
	settings := await[*http2.SettingsFrame](t, connect(t, l), 0)
	for id, want := range map[http2.SettingID]uint32{http2.SettingEnableConnectProtocol: 1, http2.SettingMaxConcurrentStreams: 7,
		http2.SettingInitialWindowSize: 1 << 20, http2.SettingMaxHeaderListSize: 16 << 10} {
		if got, _ := settings.Value(id); got != want {
			t.Errorf("%v is %d, want %d", id, got, want)
		}
	}
}

func TestRequest(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l)
	g.request(1, false, append(webSocket, "x-forwarded-for", "192.0.2.1", "cookie", "a=1", "cookie", "b=2")...)
	r := accepted(t, l).Request()
	if r.Method != "CONNECT" || r.Path != "/room?a=b" || r.Host != "example.org" ||
		r.Header.Get("X-Forwarded-For") != "192.0.2.1" || r.Header.Get("Cookie") != "a=1; b=2" {
		t.Errorf("request %+v", r)
	}
}

func TestRespond(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l)
	g.request(1, false, webSocket...)
	c := accepted(t, l)
	if err := c.Respond(http.Header{"X-Bad": {"a\r\nb"}}); err == nil {
		t.Error("a field with a line break was taken")
	}
	if err := c.Respond(http.Header{"Sec-Websocket-Protocol": {"blue"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {"x"}}); err != nil {
		t.Fatal(err)
	}
	answer := await[*http2.MetaHeadersFrame](t, g, 1)
	if len(answer.Fields) != 2 || answer.PseudoValue("status") != "200" || answer.Fields[1].Name != "sec-websocket-protocol" {
		t.Errorf("answer %v", answer.Fields)
	}
	if c.Respond(nil) == nil {
		t.Error("a second answer was taken")
	}
}

func TestRefuse(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l)
	g.request(1, false, webSocket...)
	if err := accepted(t, l).Refuse(403, http.Header{"X-Why": {"no token"}}, "no\n"); err != nil {
		t.Fatal(err)
	}
	if answer := await[*http2.MetaHeadersFrame](t, g, 1); answer.PseudoValue("status") != "403" || answer.StreamEnded() {
		t.Errorf("answer %v", answer.Fields)
	}
	if data := await[*http2.DataFrame](t, g, 1); string(data.Data()) != "no\n" {
		t.Errorf("body %q", data.Data())
	}
	if !await[*http2.DataFrame](t, g, 1).StreamEnded() {
		t.Error("the stream goes on")
	}
}

// What no application is asked about.
func TestNotWebSocket(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l)
	go func() { _, _ = l.Accept() }()
	for i, c := range []struct {
		status string
		end    bool
		fields []string
	}{
		{"426", true, []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}},
		{"405", false, []string{":method", "CONNECT", ":authority", "a:1"}},
		{"501", false, []string{":method", "CONNECT", ":protocol", "other", ":scheme", "http", ":path", "/", ":authority", "a"}},
		{"400", true, webSocket},
	} {
		stream := uint32(2*i + 1)
		g.request(stream, c.end, c.fields...)
		if got := await[*http2.MetaHeadersFrame](t, g, stream).PseudoValue("status"); got != c.status {
			t.Errorf("%v: status %s, want %s", c.fields, got, c.status)
		}
	}
}

func TestEnds(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l)

	c := open(t, g, l, 1) // the peer's end, then ours
	_ = g.WriteData(1, true, []byte("last"))
	if b, err := io.ReadAll(c); err != nil || string(b) != "last" {
		t.Errorf("read %q, %v", b, err)
	}
	if _, err := c.Write([]byte("after")); err != nil {
		t.Errorf("after the peer's end: %v", err)
	}
	_ = c.Close()
	if got := await[*http2.DataFrame](t, g, 1); string(got.Data()) != "after" {
		t.Errorf("got %q", got.Data())
	}
	if !await[*http2.DataFrame](t, g, 1).StreamEnded() {
		t.Error("no END_STREAM")
	}

	c = open(t, g, l, 3) // a reset
	_ = g.WriteRSTStream(3, http2.ErrCodeCancel)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, accept.ErrReset) {
		t.Errorf("read after a reset: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, accept.ErrReset) {
		t.Errorf("write after a reset: %v", err)
	}

	g.request(5, false, webSocket...) // no answer
	_ = accepted(t, l).Close()
	g.expectReset(t, 5, http2.ErrCodeInternal)

	c = open(t, g, l, 7) // the connection's end
	_ = g.conn.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("read without a connection: %v", err)
	}
}

// A peer that does not end its direction is reset, and until then what it sends is thrown away.
func TestLinger(t *testing.T) {
	t.Parallel()
	l := listen(t, accept.Options{})
	g := connect(t, l)
	_ = open(t, g, l, 1).Close()
	_ = g.WriteData(1, false, []byte("late"))
	g.expectReset(t, 1, http2.ErrCodeCancel)
}

func TestDeadlines(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	c := open(t, g, l, 1)
	soon := func() time.Time { return time.Now().Add(20 * time.Millisecond) }

	_ = c.SetReadDeadline(soon())
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	_ = g.WriteData(1, false, []byte("x"))
	if n, err := c.Read(make([]byte, 9)); n != 1 || err != nil {
		t.Errorf("read after the deadline was taken back: %d, %v", n, err)
	}

	_ = c.SetWriteDeadline(soon())
	if n, err := c.Write(make([]byte, 15)); n != 10 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write into a window of 10: %d, %v", n, err)
	}
	_ = c.SetWriteDeadline(time.Time{})
	wrote := make(chan error, 1)
	go func() { _, err := c.Write([]byte("more")); wrote <- err }()
	_ = g.WriteWindowUpdate(1, 4)
	if err := <-wrote; err != nil {
		t.Errorf("write after the deadline was taken back: %v", err)
	}

	waits := make(chan error, 1)
	go func() { _, err := c.Write([]byte("shut")); waits <- err }()
	_ = c.Close()
	if err := <-waits; err == nil {
		t.Error("a write outlived Close")
	}
}

// Both windows hold writers up, and SETTINGS may change the one on the way.
func TestWindows(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	c := open(t, g, l, 1)
	want := bytes.Repeat([]byte("windows!"), 25_000) // 200,000 bytes through a connection window of 65,535
	go func() { _, _ = c.Write(want) }()
	var got []byte
	for len(got) < len(want) {
		b := await[*http2.DataFrame](t, g, 1).Data()
		got = append(got, b...)
		if len(b) > 0 {
			_ = g.WriteWindowUpdate(0, uint32(len(b)))
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("the bytes are not those that were sent")
	}
}

// A session that is not read holds no more than its window, and no other session is held up.
func TestWindowExceeded(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l)
	slow, other := open(t, g, l, 1), open(t, g, l, 3)
	for range 3 {
		_ = g.WriteData(1, false, make([]byte, 16384))
	}
	_ = g.WriteData(1, false, make([]byte, 16383))
	_ = g.WriteData(3, false, []byte("passes"))
	if n, err := other.Read(make([]byte, 99)); n != 6 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := io.ReadFull(slow, make([]byte, 40_000)); err != nil { // credits what was read
		t.Fatal(err)
	}
	if got := await[*http2.WindowUpdateFrame](t, g, 1).Increment; got != 40_000 {
		t.Errorf("credit for %d bytes, want 40,000", got)
	}
	for range 3 {
		_ = g.WriteData(1, false, make([]byte, 16384))
	}
	g.expectReset(t, 1, http2.ErrCodeFlowControl)
	if _, err := io.ReadAll(slow); err == nil || !strings.Contains(err.Error(), "window") {
		t.Errorf("the session ended with %v", err)
	}
}
