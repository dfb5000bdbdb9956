package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"weir/gateway/config"
)

const demoMessageLimit = 16 << 20

// A demo is a WebSocket echo server on a loopback port of its own.
type demo struct {
	addr   net.Addr
	server *http.Server
	cancel context.CancelFunc // ends the echoes; the server forgets connections it has upgraded
	done   chan struct{}
}

func startDemo() (*demo, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo backend: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &demo{
		addr: listener.Addr(),
		server: &http.Server{
			Handler:           http.HandlerFunc(echo),
			ReadHeaderTimeout: 10 * time.Second,
			BaseContext:       func(net.Listener) context.Context { return ctx },
		},
		cancel: cancel,
		done:   make(chan struct{}),
	}
	go func() {
		defer close(d.done)
		d.server.Serve(listener) // returns when close is called
	}()
	return d, nil
}

func (d *demo) close() {
	d.cancel()
	d.server.Close()
	<-d.done
}

// behind is cfg with the demo as the backend of all routes that have no other. Its address may be told to anyone.
func (d *demo) behind(cfg *config.Config) *config.Config {
	return cfg.With(func(c *config.Config) {
		c.Demo = false
		c.Upstream = []string{"ws://" + d.addr.String()}
		if c.EndpointHeader == "" {
			c.EndpointHeader = endpointHeader
		}
	})
}

// echo sends each message back as it comes in, whatever page the client is from.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer c.CloseNow()
	c.SetReadLimit(demoMessageLimit)
	for {
		if err := echoOne(r.Context(), c); err != nil {
			return
		}
	}
}

func echoOne(ctx context.Context, c *websocket.Conn) error {
	kind, message, err := c.Reader(ctx)
	if err != nil {
		return err
	}
	answer, err := c.Writer(ctx, kind)
	if err != nil {
		return err
	}
	_, err = io.Copy(answer, message)
	return errors.Join(err, answer.Close())
}

// printHints says what to paste next. A unix socket leaves little to try.
func printHints(p program, secure bool, listen, admin net.Addr) {
	if listen.Network() == "unix" {
		fmt.Fprintf(p.stdout, "Weir listens on unix:%s; an echo server inside is its backend.\n", listen)
		return
	}
	url, flags := "ws://"+reachable(listen)+"/", ""
	if secure {
		url, flags = "wss"+url[len("ws"):], " --insecure"
	}
	fmt.Fprintf(p.stdout, "Weir listens on %s; an echo server inside is its backend. Try, in another terminal:\n\n", url)
	fmt.Fprintf(p.stdout, "  %s try %s%s\n", p.name, url, flags)
	if admin != nil {
		fmt.Fprintf(p.stdout, "  curl -s http://%s/metrics\n", reachable(admin))
		fmt.Fprintf(p.stdout, "  curl -s http://%s/sessions\n", reachable(admin))
	}
	fmt.Fprintf(p.stdout, "\nor, in the console of a browser:\n\n"+
		"  s = new WebSocket(%q); s.onmessage = e => console.log(e.data); s.onopen = () => s.send(\"hello\")\n\n", url)
}

// reachable is an address to connect to for one that is listened on.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr.String()
}
