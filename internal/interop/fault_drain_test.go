package interop

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// In a drain the backend gets all that the client sent before it answered, though the backend is still sending
// and slow to read: a socket must not be closed over unread bytes, since that resets it and loses those on
// their way (RFC 9112 section 9.6 tells of the same trap).
func TestDrainDeliversToBusyBackend(t *testing.T) {
	const messages, size, others = 60, 4000, 9
	b := startRaw(t, "127.0.0.1:0")
	f := tuned(t, func(c *config.Config) { c.DrainTimeout, c.CloseTimeout = 10*time.Second, 5*time.Second }, b.url())
	client, backend := openRaw(t, f, b)
	if err := backend.SetReadBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
	for range others { // sessions are closed at a pace, so that of many the first one is closed soon
		defer reset(mustDial(t, f).TCPConn)
		b.next(t)
	}
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		frame := ws.MustCompileFrame(ws.NewBinaryFrame(make([]byte, 64<<10)))
		for {
			if _, err := backend.Write(frame); err != nil {
				return
			}
		}
	}()
	for range messages {
		if err := ws.WriteFrame(client, ws.MaskFrame(ws.NewBinaryFrame(make([]byte, size)))); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := http.Post("http://"+f.Admin+"/drain", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	for {
		frame, err := ws.ReadFrame(client)
		if err != nil {
			t.Fatalf("the client got no close frame: %v", err)
		}
		if frame.Header.OpCode == ws.OpClose {
			break
		}
	}
	if err := ws.WriteFrame(client, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "")))); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, client)
	_ = client.Close()
	select { // the backend comes to read only now
	case <-flooded:
	case <-time.After(300 * time.Millisecond):
	}
	for i := range messages {
		if got, err := ws.ReadFrame(backend); err != nil || len(got.Payload) != size {
			t.Fatalf("message %d of %d: %d bytes, %v", i+1, messages, len(got.Payload), err)
		}
	}
	frame, err := ws.ReadFrame(backend)
	if code, _ := ws.ParseCloseFrameData(ws.UnmaskFrame(frame).Payload); err != nil || code != 1001 {
		t.Errorf("after the messages: %v, code %d, want 1001", err, code)
	}
}
