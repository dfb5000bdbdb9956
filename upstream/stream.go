package upstream

import (
	"net/netip"

	"weir/codec/http1"
)

// Stream is one session's way to its backend. It belongs to the session's loop.
type Stream interface {
	// Write sends b, or queues what cannot be sent now; b may be used again at once.
	Write(b []byte)
	// Queue adds b to what goes out at the end of the batch.
	Queue(b []byte)
	// Buffered is how many bytes wait here.
	Buffered() int
	// Delivered tells whether the backend's host is known to have all that was written.
	Delivered() bool
	// Full tells whether the session must stop reading its client, as more than limit bytes wait or the
	// backend takes none now; OnBackendDrained says once when it may read again.
	Full(limit int) bool
	// Pause stops the reading from the backend, Resume starts it again.
	Pause()
	Resume()
	// CloseWrite ends the direction to the backend behind what is queued.
	CloseWrite()
	// Parted says that close frames have gone both ways, and whether ours was the last: nothing is to be written any more.
	Parted(last bool)
	// Close ends the stream; the sink hears no more. A backend that has not ended it may see a reset.
	Close()
	// Shared tells whether other sessions have the same connection.
	Shared() bool
	// Endpoint is the backend that serves the stream, or did.
	Endpoint() *Endpoint
}

// Sink is a session, as its stream sees it. No call comes from inside a call to the stream.
type Sink interface {
	// OnAnswer brings the stream, and the backend's answer to the handshake: status 101 and the WebSocket
	// stands, or another one, whose body follows as OnBackendData and ends with OnBackendEOF. The answer is lent.
	OnAnswer(s Stream, a *http1.Response)
	// OnRefused says that no backend gave an answer that can be passed on.
	OnRefused(why *http1.Refusal)
	// OnBackendData lends bytes.
	OnBackendData(b []byte)
	// OnBackendDrained says that the queue is low (see Full), or gone after CloseWrite.
	OnBackendDrained()
	// OnBackendEOF says that the backend ended its direction in order.
	OnBackendEOF()
	// OnBackendLeaving says that the backend would like the stream to end soon (GOAWAY). All goes on as before.
	OnBackendLeaving()
	// OnBackendLost says that the connection broke. The stream is closed.
	OnBackendLost(err error)
}

// Request is a client's wish for a WebSocket, or another protocol, made of what was understood of its own request. All of it is
// lent to Open.
type Request struct {
	Key          uint64 // place on the ring
	Prefer       uint64 // ID of the endpoint to ask first, if it is well; 0: none
	Method       []byte // where Protocol is set; else it is GET
	Protocol     string // other than WebSocket, to be upgraded to by a tunnel
	Target       []byte // origin-form (RFC 9112 section 3.2.1)
	Host         []byte
	WebSocketKey []byte        // the client's Sec-WebSocket-Key
	Fields       []http1.Field // to be sent besides those that make the upgrade

	// Avoid is an endpoint to take only if there is no other; nil: none.
	Avoid *Endpoint

	// Trail is told where the request went, for whoever has to say why it was refused; nil: nobody has to.
	Trail *Trail

	Client netip.Addr // one that fails again and again counts once, see Outlier

	// For backends that are told by PROXY protocol who the client is and where it connected to; zero if not known.
	Source, Destination netip.AddrPort
}

// Trail is where a request went last, and what that failed of where more than the refusal is known.
type Trail struct {
	Endpoint *Endpoint // nil: there was none to try
	Reason   string
}

// What a handshake can fail of on the backend's side.
var (
	RefusedNoEndpoint = &http1.Refusal{Status: 503, Reason: "no_endpoint", Text: "No backend is available for this request; try again later."}
	RefusedFull       = &http1.Refusal{Status: 503, Reason: "endpoint_full", Text: "All backends have as many sessions as they may; try again later."}
	RefusedConnect    = &http1.Refusal{Status: 502, Reason: "backend_connect_failed", Text: "No backend could be connected to."}
	RefusedSlow       = &http1.Refusal{Status: 504, Reason: "backend_connect_timeout", Text: "No backend could be connected to in time."}
	RefusedSilent     = &http1.Refusal{Status: 504, Reason: "backend_answer_timeout", Text: "The backend did not answer the request in time."}
	RefusedClosed     = &http1.Refusal{Status: 502, Reason: "backend_closed_early", Text: "The backend closed the connection without answering the request."}
	RefusedAnswer     = &http1.Refusal{Status: 502, Reason: "backend_bad_answer", Text: "The backend's answer to the request is not valid."}
	RefusedSockets    = &http1.Refusal{Status: 503, Reason: "no_descriptors", Text: "The gateway has no descriptors or memory left for a connection to the backend; try again later."}
	RefusedPorts      = &http1.Refusal{Status: 503, Reason: "no_ports", Text: "The gateway has no ports left for a connection to the backend; try again later."}
)

// Refusals are all of them, for whoever counts or documents them.
var Refusals = []*http1.Refusal{RefusedNoEndpoint, RefusedFull, RefusedConnect, RefusedSlow, RefusedSilent, RefusedClosed, RefusedAnswer, RefusedSockets,
	RefusedPorts, RefusedBusy, RefusedTLS}
