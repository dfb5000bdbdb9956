package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"
)

// coder is the peer on Go's coder/websocket, in this process.
type coder struct {
	peer *Peer

	mu      sync.Mutex
	last    int
	conns   map[int]*coderConn
	servers map[int]*http.Server
}

// coderConn is a connection, and how our own close of it went.
type coderConn struct {
	*websocket.Conn
	closed chan event
}

func startCoder() *Peer {
	c := &coder{peer: newPeer("coder"), conns: map[int]*coderConn{}, servers: map[int]*http.Server{}}
	commands := map[string]func(command) event{
		"listen": c.listen, "dial": c.dial, "send": c.send, "ping": c.ping, "close": c.close, "stop": c.stop,
	}
	c.peer.send = func(cmd command) error {
		go func() {
			ev := commands[cmd.Do](cmd)
			ev.ID = cmd.ID
			c.peer.receive(ev)
		}()
		return nil
	}
	return c.peer
}

func (c *coder) number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	return c.last
}

func (c *coder) conn(number int) *coderConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conns[number]
}

func failed(err error) event { return event{Error: err.Error()} }

func compression(on bool) websocket.CompressionMode {
	if on {
		return websocket.CompressionContextTakeover
	}
	return websocket.CompressionDisabled
}

func (c *coder) listen(cmd command) event {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failed(err)
	}
	number := c.number()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(number, cmd, w, r) })}
	c.mu.Lock()
	c.servers[number] = srv
	c.mu.Unlock()
	go func() { _ = srv.Serve(ln) }()
	return event{Server: number, Port: ln.Addr().(*net.TCPAddr).Port}
}

func (c *coder) serve(server int, cmd command, w http.ResponseWriter, r *http.Request) {
	for _, h := range cmd.Headers {
		w.Header().Add(h[0], h[1])
	}
	if no := cmd.Refuse; no != nil {
		for _, h := range no.Headers {
			w.Header().Add(h[0], h[1])
		}
		w.WriteHeader(no.Status)
		_, _ = io.WriteString(w, no.Body)
		return
	}
	number := c.number()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: cmd.Protocols, CompressionMode: compression(cmd.Deflate), CompressionThreshold: 1,
		OnPingReceived: c.onPing(number), OnPongReceived: c.onPong(number),
	})
	if err != nil {
		return
	}
	conn := c.keep(number, ws)
	c.peer.receive(event{Event: "open", Server: server, Conn: number, Target: r.RequestURI, Cookie: r.Header.Get("Cookie")})
	c.read(number, conn)
}

func (c *coder) dial(cmd command) event {
	number := c.number()
	header := http.Header{}
	for _, h := range cmd.Headers {
		header.Add(h[0], h[1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, cmd.URL, &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: header, Subprotocols: cmd.Protocols,
		CompressionMode: compression(cmd.Deflate), CompressionThreshold: 1,
		OnPingReceived: c.onPing(number), OnPongReceived: c.onPong(number),
	})
	switch {
	case err != nil && answer == nil:
		return failed(err)
	case err != nil:
		body, _ := io.ReadAll(answer.Body) // what Dial kept: the first 1,024 bytes
		ev := event{Status: answer.StatusCode, Headers: map[string]any{}, Body: new(string)}
		*ev.Body = string(body)
		for name := range answer.Header {
			ev.Headers[strings.ToLower(name)] = answer.Header.Get(name)
		}
		return ev
	}
	go c.read(number, c.keep(number, ws))
	return event{Conn: number, Protocol: ws.Subprotocol(), Extensions: answer.Header.Get("Sec-WebSocket-Extensions"),
		Cookies: answer.Header.Values("Set-Cookie")}
}

func (c *coder) keep(number int, ws *websocket.Conn) *coderConn {
	ws.SetReadLimit(-1)
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := &coderConn{ws, make(chan event, 1)}
	c.conns[number] = conn
	return conn
}

func (c *coder) onPing(number int) func(context.Context, []byte) bool {
	return func(_ context.Context, payload []byte) bool {
		c.peer.receive(event{Event: "ping", Conn: number, Payload: string(payload)})
		return true
	}
}

func (c *coder) onPong(number int) func(context.Context, []byte) {
	return func(_ context.Context, payload []byte) {
		c.peer.receive(event{Event: "pong", Conn: number, Payload: string(payload)})
	}
}

// read tells all messages of a connection, and its end.
func (c *coder) read(number int, ws *coderConn) {
	defer ws.CloseNow()
	for {
		kind, b, err := ws.Read(context.Background())
		if err != nil {
			end := event{Event: "close", Conn: number, Code: 1006}
			if frame := (websocket.CloseError{}); errors.As(err, &frame) {
				end.Code, end.Reason = int(frame.Code), frame.Reason
			} else if errors.Is(err, net.ErrClosed) { // the library's Close took the answer from under us
				end = <-ws.closed
			}
			c.peer.receive(end)
			return
		}
		c.peer.receive(event{Event: "message", Conn: number, Kind: strings.ToLower(strings.TrimPrefix(kind.String(), "Message")),
			Size: len(b), Hash: digest(b)})
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func content(cmd command) []byte {
	b := make([]byte, cmd.Size)
	switch {
	case cmd.Compressible:
		return bytes.Repeat([]byte(rand.Text()), cmd.Size/26+1)[:cmd.Size]
	case cmd.Kind == "text":
		_, _ = rand.Read(b[:(cmd.Size+1)/2])
		return []byte(hex.EncodeToString(b[:(cmd.Size+1)/2]))[:cmd.Size]
	}
	_, _ = rand.Read(b)
	return b
}

func (c *coder) send(cmd command) event {
	ws, data := c.conn(cmd.Conn), content(cmd)
	kind := websocket.MessageBinary
	if cmd.Kind == "text" {
		kind = websocket.MessageText
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	if cmd.Fragments > 1 {
		err = c.sendFragments(ctx, ws, kind, data, cmd)
	} else {
		err = ws.Write(ctx, kind, data)
	}
	if err != nil {
		return failed(err)
	}
	return event{Hash: digest(data)}
}

// sendFragments sends an empty last fragment behind the others: that is how the library ends a stream.
func (c *coder) sendFragments(ctx context.Context, ws *coderConn, kind websocket.MessageType, data []byte, cmd command) error {
	w, err := ws.Writer(ctx, kind)
	if err != nil {
		return err
	}
	step := (len(data) + cmd.Fragments - 1) / cmd.Fragments
	for i := 0; i < cmd.Fragments; i++ {
		if _, err := w.Write(data[min(i*step, len(data)):min((i+1)*step, len(data))]); err != nil {
			return err
		}
		if cmd.Pings && i%10 == 0 {
			if err := ws.Ping(ctx); err != nil {
				return err
			}
		}
	}
	return w.Close()
}

// ping lets the library choose the payload, a number; the answer tells none.
func (c *coder) ping(cmd command) event {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.conn(cmd.Conn).Ping(ctx); err != nil {
		return failed(err)
	}
	return event{}
}

func (c *coder) close(cmd command) event {
	code := websocket.StatusCode(cmd.Code)
	if code == 0 {
		code = websocket.StatusNoStatusRcvd // sent as an empty frame
	}
	ws := c.conn(cmd.Conn)
	go func() {
		end := event{Event: "close", Conn: cmd.Conn, Code: int(code), Reason: cmd.Reason}
		if ws.Close(code, cmd.Reason) != nil { // it compares the code of the answer
			end.Code = 1006
		}
		ws.closed <- end
	}()
	return event{}
}

func (c *coder) stop(cmd command) event {
	c.mu.Lock()
	srv := c.servers[cmd.Server]
	delete(c.servers, cmd.Server)
	c.mu.Unlock()
	_ = srv.Close()
	return event{}
}
