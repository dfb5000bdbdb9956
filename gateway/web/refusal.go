package web

import (
	"net/http"
	"strconv"
	"strings"

	"weir/codec/http1"
	"weir/gateway/reasons"
)

// What is refused here and nowhere else, and why an answer may be missing or broken off.
var (
	// refusedHead is for a request that cannot be written down so that it reads back as one.
	refusedHead    = &http1.Refusal{Status: 400, Reason: "request_not_http1", Text: "The request cannot be told in HTTP/1.1."}
	refusedHost    = &http1.Refusal{Status: 400, Reason: "host_not_authority", Text: "The Host field is not the :authority of the request (RFC 9113 section 8.3.1)."}
	refusedTarget  = &http1.Refusal{Status: 400, Reason: "ambiguous_target", Text: "The request target can be read in more than one way."}
	refusedBody    = &http1.Refusal{Status: 400, Reason: "bad_request_body", Text: "The request's body is malformed."}
	refusedStalled = &http1.Refusal{Status: 408, Reason: "client_stalled", Text: "The request's body did not arrive in time."}
	refusedLost    = &http1.Refusal{Status: 400, Reason: "client_lost", Text: "The request's body broke off."}
)

// Reasons are what a plain request can fail of here, besides what it may be refused for before it comes to a backend.
var Reasons = []string{refusedHead.Reason, refusedHost.Reason, refusedTarget.Reason, refusedBody.Reason, refusedStalled.Reason, refusedLost.Reason,
	reasons.BackendLost, reasons.Panic, reasons.ClientGone, reasons.Drain}

// refuse answers in an endpoint's place, with the fields that [http1.Refusal.Append] writes.
func (x *exchange) refuse(why *http1.Refusal) {
	x.reason = why.Reason
	if dress := x.server.options.Dress; dress != nil && x.understood {
		why = dress(x.request, x.link.client, x.from, x.owner, why)
	}
	h := x.answer.Header()
	for line := range strings.SplitSeq(why.Header, "\r\n") {
		name, value, ok := strings.Cut(line, ": ")
		if hop := name == "Connection" || name == "Upgrade"; ok && !(hop && x.request.ProtoMajor != 1) {
			h.Add(name, value) // those two do not exist in HTTP/2 (RFC 9113 section 8.2.2)
		}
	}
	if why.Ends {
		h.Set("Connection", "close") // in HTTP/2 net/http makes a GOAWAY of it
	}
	h.Set("Content-Type", "text/plain")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(why.Text)+1))
	x.answer.WriteHeader(why.Status)
	if x.request.Method != http.MethodHead {
		_, _ = x.answer.Write([]byte(why.Text + "\n"))
	}
}
