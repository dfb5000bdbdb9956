package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/coder/websocket"
)

const (
	answerLimit = 16 << 20
	answerShown = 200 // bytes of an answer that are printed

	// endpointHeader is where the backend that serves a session is looked for.
	endpointHeader = "X-Weir-Endpoint"
)

// An attempt is one use of weir try.
type attempt struct {
	url      string
	message  string
	header   http.Header
	insecure bool
	out      io.Writer
}

func (a attempt) run(ctx context.Context) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	c.SetReadLimit(answerLimit)

	a.line("sent", "%s", shown([]byte(a.message)))
	sent := time.Now()
	if err := c.Write(ctx, websocket.MessageText, []byte(a.message)); err != nil {
		return err
	}
	kind, answer, err := c.Read(ctx)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	took := time.Since(sent)
	a.line("answer", "%s (%s)", shown(answer), strings.ToLower(strings.TrimPrefix(kind.String(), "Message")))
	a.line("round trip", "%s", milliseconds(took))
	return c.Close(websocket.StatusNormalClosure, "")
}

// connect upgrades a connection and tells of the way there, or of the refusal.
func (a attempt) connect(ctx context.Context) (*websocket.Conn, error) {
	var connected time.Time
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		started := time.Now()
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if connected = time.Now(); err == nil {
			a.line("connected", "to %s in %s", c.RemoteAddr(), milliseconds(connected.Sub(started)))
		}
		return c, err
	}
	transport := &http.Transport{
		DialContext:       dial,
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: a.insecure},
	}
	client := &http.Client{Transport: transport, CheckRedirect: refuseRedirect}
	c, response, err := websocket.Dial(ctx, a.url, &websocket.DialOptions{HTTPClient: client, HTTPHeader: a.header})
	if response != nil {
		a.line("handshake", "%s in %s", response.Status, milliseconds(time.Since(connected)))
	}
	switch wrong := (*url.Error)(nil); {
	case err == nil:
		a.line("endpoint", "%s", cmp.Or(response.Header.Get(endpointHeader), "not told; weir tells with --endpoint-header "+endpointHeader))
		return c, nil
	case response != nil && response.StatusCode != http.StatusSwitchingProtocols:
		body, _ := io.ReadAll(response.Body) // Dial keeps the first 1024 bytes
		return nil, fmt.Errorf("refused with %s: %s", response.Status, shown(bytes.TrimSpace(body)))
	case errors.As(err, &wrong):
		return nil, wrong.Err // without the URL, which may hold a token
	}
	return nil, err
}

// refuseRedirect shows a redirect as the answer it is.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// line prints without control bytes, which a server's words have no business to send to a terminal.
func (a attempt) line(name, format string, args ...any) {
	visible := func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}
	fmt.Fprintf(a.out, "%-12s%s\n", name, strings.Map(visible, fmt.Sprintf(format, args...)))
}

// shown quotes a message.
func shown(b []byte) string {
	if len(b) <= answerShown {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q... (%d bytes)", b[:answerShown], len(b))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
