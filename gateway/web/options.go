package web

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"weir/codec/http1"
	"weir/gateway/limits"
	"weir/gateway/sticky"
	"weir/upstream"
)

// A Client is who is at the other end of a connection. All of it is immutable.
type Client struct {
	Peer     netip.AddrPort       // of the socket, or as a PROXY header told
	Nameless bool                 // a PROXY header named nobody as the peer, for the caller to find again
	Local    netip.AddrPort       // the address that was connected to
	TLS      *tls.ConnectionState // nil: in clear
	Terms    string               // that TLS was made under, in the caller's words
	Owner    any                  // whatever the caller wants to find again
	Closed   func()               // called once, when the connection is over or just before it is handed back; may be nil
}

// Options shape a server. The functions are called on the goroutine of a request.
type Options struct {
	// Find tells how to serve a request, whose fields it may change. A refusal is answered.
	Find func(r *http.Request, c *Client) (Found, *http1.Refusal)
	// Dress gives a refusal what its route adds to answers. owner is that of Found, nil if the request did not come so far.
	// Nil: refusals are as they are.
	Dress func(r *http.Request, c *Client, from http1.From, owner any, why *http1.Refusal) *http1.Refusal
	// Upgrade takes back a connection on which a WebSocket handshake came, over HTTP/1.1 alone: its head as it came, and
	// the bytes that were read behind it, which with those still in conn are the rest.
	Upgrade func(conn net.Conn, c *Client, head, early []byte)
	// Origin tells who asks, as far as it can be believed, for Enter. Find tells it for the rest.
	Origin func(r *http.Request, c *Client) http1.From
	// Enter counts a request in flight, until leave is called, or refuses it. Nil: there may be any number.
	Enter func(from netip.Addr) (leave func(), why *http1.Refusal)
	// Starts are taken by requests on their way to an endpoint: so many compute at once. Nil: any number.
	Starts *limits.Turns
	// Log is told of each request once it is over; it must not block. Nil: nobody is told.
	Log    func(Line)
	Logger *slog.Logger // what net/http has to say, at debug, and panics; nil: nobody is told

	Limits        http1.Limits              // of a request's head
	HeaderTimeout time.Duration             // from the first byte of a request to the end of its head
	IdleTimeout   time.Duration             // between two requests; 0: a minute
	StallTimeout  time.Duration             // of a client that neither sends the body nor reads the answer; 0: a minute
	MinRate       int                       // bytes a second that it has to take of what waits for it, over StallTimeout; 0: any
	Other         func(*http1.Request) bool // tells whether Upgrade gets a request that asks for another protocol than WebSocket; nil: none
	HalfClose     bool                      // who ends its direction behind an HTTP/1.1 request still gets the answer
	MaxConns      int                       // at once; more are not taken
	MaxStreams    uint32                    // requests at once on an HTTP/2 connection; 0: 100
}

const (
	defaultStall   = time.Minute
	defaultIdle    = time.Minute
	defaultStreams = 100
)

// A Plan is how the requests of one route are served. It is immutable.
type Plan struct {
	Route          string
	Group          *upstream.Group
	Transports     *Transports
	Retries        int // further endpoints to try after one that could not be connected to
	Rules          *http1.Rules
	EndpointHeader string // of the answer, which names the endpoint; "": none
	// Rewrite changes the path, escapes and all; it gives one that begins with '/'. Nil: as it is.
	Rewrite func(path string) string
	Sticky  *sticky.Cookie // nil: none
}

// Found is what is known of a request before it is passed on.
type Found struct {
	Plan   *Plan         // nil where there is no route
	Key    uint64        // the place on the ring, the same as for a WebSocket of this client
	Fields []http1.Field // told to the endpoint besides, whatever the Plan's rules are
	Owner  any           // whose refusals Dress dresses; nil where there is no route
	From   http1.From    // who asks, as far as it can be believed
	Route  string        // for the log, where the request is refused
	User   string        // likewise, who asks

	RequestID string // told to the endpoint
	Detail    string // likewise
}

// A Line is what is known of a request once it is over. It has no query string, as that may hold a token.
type Line struct {
	Client             netip.AddrPort // the peer
	Route, Endpoint    string         // "" where it did not come so far
	Method, Host, Path string         // "" where a head was not understood
	Proto              string         // "HTTP/1.1" or "HTTP/2.0"
	Status             int            // 0 if there was no answer
	Reason             string         // the refusal's, or why the answer is not whole; "" if an answer was passed on
	Detail             string         // for the operator alone: what is wrong with the credential or the backend
	BytesUp, BytesDown uint64         // of bodies
	Duration           time.Duration

	User, RequestID, TraceParent, UserAgent string // "" where there is none
}
