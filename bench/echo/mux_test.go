//go:build linux

package echo_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"weir/bench/wire"
	"weir/codec/h2"
)

var mask = [4]byte{1, 2, 3, 4}

// frame is a client's frame whose payload is n times seven.
func frame(opcode byte, n int) []byte {
	b := wire.AppendHeader(nil, wire.Header{Fin: true, Opcode: opcode, Masked: true, Mask: mask, Length: int64(n)})
	payload := bytes.Repeat([]byte{7}, n)
	wire.Mask(payload, mask, 0)
	return append(b, payload...)
}

// echoed is what the backend makes of frame.
func echoed(opcode byte, n int) []byte {
	b := wire.AppendHeader(nil, wire.Header{Fin: true, Opcode: opcode, Length: int64(n)})
	return append(b, bytes.Repeat([]byte{7}, n)...)
}

func TestStreamsToAnotherImplementation(t *testing.T) {
	addr := serveH2C(t, 100)
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			conn.SetDeadline(time.Now().Add(10 * time.Second)) // a body that is stuck heeds no context
		}
		return conn, err
	}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	talk := func(sizes []int) error {
		body, out := io.Pipe()
		defer out.Close()
		request, err := http.NewRequestWithContext(ctx, http.MethodConnect, "http://"+addr.String()+"/", body)
		if err != nil {
			return err
		}
		request.Header[":protocol"] = []string{"websocket"}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var want []byte
		for _, size := range sizes {
			want = append(want, echoed(wire.Binary, size)...)
		}
		go func() {
			for _, size := range sizes {
				out.Write(frame(wire.Binary, size))
			}
			out.Write(frame(wire.Close, 2))
		}()
		got, err := io.ReadAll(response.Body)
		want = append(want, echoed(wire.Close, 2)...)
		if response.StatusCode != 200 || err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("status %d, %d bytes, want %d, %v", response.StatusCode, len(got), len(want), err)
		}
		return nil
	}
	results := make(chan error)
	const streams = 5
	for i := range streams {
		go func() { results <- talk([]int{i, 125, 126, 65536, 1 << 20, 3}) }()
	}
	for range streams {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// A whole connection gives the same answers however its bytes are cut.
func TestEveryMuxSplit(t *testing.T) {
	addr := serveH2C(t, 100)
	talk := func(cut int) string {
		c := dial(t, addr, h2.DefaultSettings())
		defer c.Close()
		c.connect(1)
		c.data(1, frame(wire.Text, 3), false)
		c.out = h2.AppendPing(c.out, [8]byte{5})
		c.connect(3)
		c.data(3, append(frame(wire.Ping, 4), frame(wire.Pong, 0)...), false)
		c.data(1, frame(wire.Binary, 130), true)
		c.data(3, frame(wire.Close, 2), true)
		if cut == 0 {
			cut = len(c.out)
		}
		rest := bytes.Clone(c.out[cut:])
		c.out = c.out[:cut]
		c.flush()
		c.out = rest
		c.flush()
		return fmt.Sprintf("%d bytes\n%s", len(rest)+cut, c.until(2))
	}
	want := talk(0)
	for _, part := range []string{"stream 1: 200 " + hexed(echoed(wire.Text, 3), echoed(wire.Binary, 130)) + " end", "stream 3: 200 " + hexed(echoed(wire.Pong, 4), echoed(wire.Close, 2)) + " end", "pong 5"} {
		if !strings.Contains(want, part) {
			t.Fatalf("unexpected answer %s, want %s in it", want, part)
		}
	}
	var total int
	fmt.Sscanf(want, "%d bytes", &total)
	for cut := 1; cut < total; cut++ {
		if got := talk(cut); got != want {
			t.Fatalf("cut at %d: %s, want %s", cut, got, want)
		}
	}
}

func TestMuxRefuses(t *testing.T) {
	addr := serveH2C(t, 2)
	for name, tc := range map[string]struct {
		do   func(*client)
		want string
	}{
		"unmasked frame":     {func(c *client) { c.connect(1); c.data(1, []byte("\x81\x01x"), false) }, "reset 1 PROTOCOL_ERROR"},
		"a third stream":     {func(c *client) { c.connect(1); c.connect(3); c.connect(5) }, "reset 5 REFUSED_STREAM"},
		"an ended request":   {func(c *client) { c.connect(1); c.data(1, nil, true) }, "stream 1: 200  end"},
		"data on no stream":  {func(c *client) { c.connect(1); c.data(3, frame(wire.Text, 1), false) }, "goaway PROTOCOL_ERROR idle_stream"},
		"credit on none":     {func(c *client) { c.out = h2.AppendWindowUpdate(c.out, 9, 1) }, "goaway PROTOCOL_ERROR idle_stream"},
		"a lower stream":     {func(c *client) { c.connect(3); c.connect(1) }, "goaway PROTOCOL_ERROR stream_order"},
		"not HTTP/2":         {func(c *client) { c.out = []byte("GET / HTTP/1.1\r\n\r\n") }, "goaway PROTOCOL_ERROR h2_bad_preface"},
		"credit beyond 2^31": {func(c *client) { c.connect(1); c.out = h2.AppendWindowUpdate(c.out, 1, 1<<31-1) }, "reset 1 FLOW_CONTROL_ERROR"},
		"the same, of all":   {func(c *client) { c.out = h2.AppendWindowUpdate(c.out, 0, 1<<31-1) }, "goaway FLOW_CONTROL_ERROR h2_window_overflow"},
		"a plain request": {func(c *client) {
			c.block(1, ":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/")
		}, "stream 1: 400  end"},
		"data for a stream that was reset": {func(c *client) {
			c.connect(1)
			c.out = h2.AppendReset(c.out, 1, h2.Cancel)
			c.data(1, frame(wire.Text, 1), false)
			c.connect(3)
			c.data(3, nil, true)
		}, "stream 3: 200  end"},
	} {
		c := dial(t, addr, h2.DefaultSettings())
		tc.do(c)
		c.flush()
		if got := c.until(1); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s, want %q in it", name, got, tc.want)
		}
		c.Close()
	}
}

// A stream that takes nothing holds at most its window, is given no more of it, and holds nobody up.
func TestWindows(t *testing.T) {
	addr := serveH2C(t, 100)
	ours := h2.DefaultSettings()
	ours.InitialWindowSize = 0
	c := dial(t, addr, ours)
	defer c.Close()
	const window = 256 << 10
	c.connect(1)
	c.data(1, frame(wire.Binary, window-14), false) // with its header all that the window allows
	c.connect(3)
	c.data(3, frame(wire.Text, 100), true)
	c.out = h2.AppendWindowUpdate(c.out, 3, 10)
	c.out = h2.AppendWindowUpdate(c.out, 3, 50)
	c.out = h2.AppendWindowUpdate(c.out, 3, 42)
	c.flush()
	if got, want := c.until(1), "stream 3: 200 "+hexed(echoed(wire.Text, 100))+" end"; !strings.Contains(got, want) || strings.Contains(got, "stream 1: 200 8") {
		t.Fatalf("%s, want %s", got, want)
	}
	if c.credit[1] != 0 {
		t.Errorf("%d bytes of credit for a stream that takes nothing", c.credit[1])
	}
	c.data(1, []byte{0}, false) // one byte too many
	c.flush()
	if got := c.until(1); !strings.Contains(got, "reset 1 FLOW_CONTROL_ERROR") {
		t.Errorf("beyond the window: %s", got)
	}
}

// Echoes that wait for the connection's window, or for a wider INITIAL_WINDOW_SIZE, go out whole and in order.
func TestWindowsOpen(t *testing.T) {
	addr := serveH2C(t, 100)
	wide := h2.DefaultSettings()
	wide.InitialWindowSize = 1 << 20
	for name, tc := range map[string]struct {
		first h2.Settings
		open  []byte
	}{
		"the connection's": {wide, h2.AppendWindowUpdate(nil, 0, 1<<20)},
		"all streams'":     {h2.DefaultSettings(), h2.AppendSettings(h2.AppendWindowUpdate(nil, 0, 1<<20), wide)},
	} {
		c := dial(t, addr, tc.first)
		for _, id := range []uint32{1, 3} { // of 200,000 bytes the client takes 65,535
			c.connect(id)
			c.data(id, frame(wire.Binary, 100_000), true)
		}
		c.flush()
		c.out = tc.open
		c.flush()
		got := c.until(2)
		for _, id := range []int{1, 3} {
			if want := fmt.Sprintf("stream %d: 200 %s end", id, hexed(echoed(wire.Binary, 100_000))); !strings.Contains(got, want) {
				t.Errorf("%s window: stream %d is not whole", name, id)
			}
		}
		c.Close()
	}
}
