package health

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxHead bounds what is read of an answer.
const maxHead = 16 << 10

// A Probe asks a backend once whether it is well; nil means yes. It returns soon
// after ctx ends.
type Probe func(ctx context.Context) error

// A Dial connects to a backend, up to where HTTP can be spoken.
type Dial func(ctx context.Context) (net.Conn, error)

// NewProbe makes the probe of what dial connects to, which speaks HTTP/1.1 if it is
// asked anything. Host is what options without one send. They must come from Complete.
func NewProbe(dial Dial, host string, o Options) Probe {
	if o.Kind == TCP {
		return func(ctx context.Context) error {
			conn, err := dial(ctx)
			if err != nil {
				return err
			}
			return conn.Close()
		}
	}
	ask := get
	if o.Kind == WebSocket {
		ask = open
	}
	if o.Host == "" {
		o.Host = host
	}
	return func(ctx context.Context) error {
		conn, err := dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
		err = ask(conn, o)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("no answer in time: %w", ctx.Err())
		}
		return err
	}
}

func get(conn net.Conn, o Options) error {
	answer, _, err := exchange(conn, o, "Connection: close\r\n")
	if err != nil {
		return err
	}
	return o.Judge(answer.StatusCode)
}

// exchange asks for the path, and reads the head of the answer. What may come behind it is in the reader.
func exchange(conn net.Conn, o Options, extra string) (*http.Response, io.Reader, error) {
	if _, err := io.WriteString(conn, o.head()+extra+"\r\n"); err != nil {
		return nil, nil, err
	}
	in := bufio.NewReader(io.LimitReader(conn, maxHead))
	answer, err := http.ReadResponse(in, nil)
	var broken net.Error
	switch {
	case err == nil, errors.As(err, &broken):
		return answer, in, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, errors.New("the answer's head is cut short or too large")
	}
	// The parser's own words quote the backend's bytes, which do not belong in logs.
	return nil, nil, errors.New("the answer is not HTTP")
}

// head is a request up to its last fields.
func (o Options) head() string {
	var b strings.Builder
	b.WriteString("GET " + o.Path + " HTTP/1.1\r\nHost: " + o.Host + "\r\n")
	_ = o.Header().Write(&b)
	return b.String()
}

// Header are the fields of a check's request, apart from Host and what its protocol needs.
func (o Options) Header() http.Header {
	h := http.Header{"User-Agent": {"weir-health"}, "Accept": {"*/*"}}
	given := http.Header{}
	for line := range strings.Lines(o.Fields) {
		name, value, _ := strings.Cut(line, ": ")
		given.Add(name, strings.TrimSuffix(value, "\n"))
	}
	maps.Copy(h, given)
	return h
}
