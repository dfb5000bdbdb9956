package health

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxHead bounds what is read of an answer.
const maxHead = 16 << 10

// A Probe asks a backend once whether it is well; nil means yes. It returns soon
// after ctx ends.
type Probe func(ctx context.Context) error

// A Dial connects to a backend, up to where HTTP can be spoken.
type Dial func(ctx context.Context) (net.Conn, error)

// NewProbe makes the probe of what dial connects to: a connection where path is "",
// else a GET of path with the given Host. The path must have passed Options.Complete.
func NewProbe(dial Dial, host, path string) Probe {
	if path == "" {
		return func(ctx context.Context) error {
			conn, err := dial(ctx)
			if err != nil {
				return err
			}
			return conn.Close()
		}
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + host +
		"\r\nUser-Agent: weir-health\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	return func(ctx context.Context) error { return get(ctx, dial, request) }
}

func get(ctx context.Context, dial Dial, request string) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	answer, err := exchange(conn, request)
	if ctx.Err() != nil {
		return fmt.Errorf("no answer in time: %w", ctx.Err())
	}
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 399 {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

func exchange(conn net.Conn, request string) (*http.Response, error) {
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHead)), nil)
	var broken net.Error
	switch {
	case err == nil, errors.As(err, &broken):
		return answer, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the answer's head is cut short or too large")
	}
	// The parser's own words quote the backend's bytes, which do not belong in logs.
	return nil, errors.New("the answer is not HTTP")
}
