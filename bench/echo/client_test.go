//go:build linux

package echo_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"weir/codec/h2"
)

// client is one HTTP/2 connection driven by hand: what is queued in out goes with the next flush.
type client struct {
	net.Conn
	t       *testing.T
	reader  *h2.Reader
	encoder *h2.Encoder
	out     []byte

	ended  int               // streams that ended, and resets, and a GOAWAY
	status map[uint32]int    // by stream
	got    map[uint32][]byte // bytes by stream
	over   map[uint32]bool
	credit map[uint32]uint32
	said   []string // the other frames
}

// dial queues the preface.
func dial(t *testing.T, addr netip.AddrPort, ours h2.Settings) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	return &client{
		Conn: conn, t: t, reader: h2.NewReader(h2.Client, ours, h2.DefaultLimits()), encoder: h2.NewEncoder(),
		out:    h2.AppendPreface(nil, ours),
		status: map[uint32]int{}, got: map[uint32][]byte{}, over: map[uint32]bool{}, credit: map[uint32]uint32{},
	}
}

func (c *client) connect(id uint32) {
	c.out = c.encoder.AppendConnect(c.out, id, "http", []byte("h"), []byte("/"), nil)
}

// block queues HEADERS with names and values.
func (c *client) block(id uint32, list ...string) {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	for i := 0; i < len(list); i += 2 {
		encoder.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]})
	}
	c.out = h2.AppendHeader(c.out, h2.Header{Length: uint32(b.Len()), Type: h2.TypeHeaders, Flags: h2.FlagEndHeaders, Stream: id})
	c.out = append(c.out, b.Bytes()...)
}

// data queues b in DATA frames of the size that every peer takes.
func (c *client) data(id uint32, b []byte, end bool) {
	for {
		n := min(len(b), 16<<10)
		c.out = append(h2.AppendDataHeader(c.out, id, n, end && n == len(b)), b[:n]...)
		if b = b[n:]; len(b) == 0 {
			return
		}
	}
}

func (c *client) flush() {
	if _, err := c.Write(c.out); err != nil {
		c.t.Error(err)
	}
	c.out = nil
}

// await reads until a stream has been answered and that many bytes of it have come.
func (c *client) await(id uint32, n int) {
	c.t.Helper()
	piece := make([]byte, 64<<10)
	for c.status[id] == 0 || len(c.got[id]) < n {
		read, err := c.Read(piece)
		c.feed(piece[:read])
		if err != nil {
			c.t.Fatalf("stream %d: %v after %s", id, err, c)
		}
	}
}

func (c *client) feed(b []byte) {
	for len(b) > 0 {
		ev, used := c.reader.Next(b)
		b = b[used:]
		c.take(&ev)
	}
}

// until reads until that many more streams have ended, or the connection, and tells all that came so far.
func (c *client) until(ends int) string {
	piece := make([]byte, 64<<10)
	for ends += c.ended; c.ended < ends; {
		n, err := c.Read(piece)
		c.feed(piece[:n])
		if err != nil {
			c.said = append(c.said, err.Error())
			break
		}
	}
	return c.String()
}

func (c *client) take(ev *h2.Event) {
	switch ev.Kind {
	case h2.Headers:
		c.status[ev.Stream] = c.reader.Head().Status
	case h2.Data:
		c.got[ev.Stream] = append(c.got[ev.Stream], ev.Payload...)
	case h2.WindowUpdate:
		c.credit[ev.Stream] += ev.N
	case h2.Pong:
		c.said = append(c.said, fmt.Sprintf("pong %d", ev.Payload[0]))
	case h2.Reset:
		c.said = append(c.said, fmt.Sprintf("reset %d %s", ev.Stream, ev.Code))
		c.ended++
	case h2.GoAway:
		c.said = append(c.said, fmt.Sprintf("goaway %s %s", ev.Code, ev.Payload))
		c.ended++
	case h2.Fault, h2.StreamFault:
		c.t.Errorf("the backend broke a rule: %v", c.reader.Err())
		c.ended++
	}
	if ev.End {
		c.over[ev.Stream] = true
		c.ended++
	}
}

func (c *client) String() string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(c.status)) {
		part := fmt.Sprintf("stream %d: %d %s", id, c.status[id], hex.EncodeToString(c.got[id]))
		if c.over[id] {
			part += " end"
		}
		parts = append(parts, part)
	}
	return strings.Join(append(parts, c.said...), "; ")
}

// hexed is how String shows bytes.
func hexed(parts ...[]byte) string { return hex.EncodeToString(slices.Concat(parts...)) }
