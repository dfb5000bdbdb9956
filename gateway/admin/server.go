package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"weir/netpoll"
)

// Server is a listener of its own, on net/http: it is for people and their tools, not for speed.
type Server struct {
	server   *http.Server
	listener net.Listener
}

// Listen serves on host:port, or on "unix:PATH", which its owner alone may connect to.
func Listen(address string, g Gateway, log *slog.Logger) (*Server, error) {
	ln, err := listen(address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: by another weir? To replace it without a gap, use weir upgrade", err)
		}
		return nil, fmt.Errorf("admin: cannot listen on %s: %w", address, err)
	}
	return Serve(ln, g, log), nil
}

// Serve serves on a listener that is there.
func Serve(ln net.Listener, g Gateway, log *slog.Logger) *Server {
	s := &Server{listener: ln}
	a := &audit{log: log}
	s.server = &http.Server{Handler: a.audited(guard(g, routes(g))), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() { _ = s.server.Serve(ln) }()
	return s
}

func listen(text string) (net.Listener, error) {
	path, unix := strings.CutPrefix(text, "unix:")
	if !unix {
		return net.Listen("tcp", text)
	}
	if c, err := net.Dial("unix", path); err == nil {
		_ = c.Close()
		return nil, syscall.EADDRINUSE
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path) // left by a process that was killed
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, err
	}
	return ln, nil
}

// Addr is where the server listens now.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// File is a copy of the listener's descriptor.
func (s *Server) File() (*os.File, error) { return netpoll.FileOf(s.listener.(syscall.Conn)) }

// Move goes on listening on a unix socket instead. Requests under way are answered.
func (s *Server) Move(path string) error {
	ln, err := listen("unix:" + path)
	if err != nil {
		return fmt.Errorf("admin: cannot listen on %s: %w", path, err)
	}
	if u, ok := s.listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the path is the successor's
	}
	_ = s.listener.Close()
	s.listener = ln
	go func() { _ = s.server.Serve(ln) }()
	return nil
}

// Close ends the server; requests under way have a second.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
}
