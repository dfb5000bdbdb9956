package health

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/codec/http1"
)

// open asks for a WebSocket by HTTP/1.1 (RFC 6455 section 4.1), and closes it.
func open(conn net.Conn, o Options) error {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	answer, rest, err := exchange(conn, o, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+key+"\r\n")
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("status %d, not 101", answer.StatusCode)
	}
	if accept := http1.Accept([]byte(key)); answer.Header.Get("Sec-WebSocket-Accept") != string(accept[:]) {
		return errors.New("the answer to the WebSocket handshake has a wrong Sec-WebSocket-Accept")
	}
	HangUp(conn, rest, func() { _ = conn.Close() })
	return nil
}

// farewell bounds the wait for the backend's own close frame, which shows nothing more.
const farewell = 500 * time.Millisecond

// HangUp closes a WebSocket as a client does: with a close frame, the end of the connection being the backend's to make
// (RFC 6455 section 7.1.1). If that takes too long, cut ends it.
func HangUp(to io.Writer, from io.Reader, cut func()) {
	defer time.AfterFunc(farewell, cut).Stop()
	var mask [4]byte
	_, _ = rand.Read(mask[:])
	if _, err := to.Write(frame.AppendClose(nil, ws.StatusNormalClosure, "", &mask)); err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(from, maxHead))
	}
}
