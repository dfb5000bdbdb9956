package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"weir/codec/http1"
	"weir/gateway/reasons"
	"weir/upstream"
)

// failed ends an exchange that has no answer to pass on.
func (x *exchange) failed(_ http.ResponseWriter, _ *http.Request, err error) {
	if fault := x.upload.fault(); fault != nil {
		x.refuse(fault)
		return
	}
	if x.request.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody waits for an answer
	}
	var why *http1.Refusal
	var unreached *connectError
	var slow net.Error
	switch {
	case errors.As(err, &why):
	case errors.As(err, &unreached):
		why, x.detail = unreached.why, unreached.Error()
	case errors.As(err, &slow) && slow.Timeout():
		why = upstream.RefusedSilent
	case x.heard.Load():
		why = upstream.RefusedAnswer
	default:
		why = upstream.RefusedClosed
	}
	x.refuse(why)
}

// finish runs even where the answer broke off, as the proxy then panics to have the connection cut.
func (x *exchange) finish() {
	s, now := x.server, time.Now()
	x.upload.stall.close()
	x.answer.stall.close()
	if x.upload.ReadCloser != nil {
		x.request.Body = x.upload.ReadCloser // by which net/http knows that the client is to be waited for
	}
	if x.request.ProtoMajor == 1 && !x.upload.done.Load() {
		_ = x.control.SetReadDeadline(now.Add(lingerTimeout))
	}
	_ = x.control.SetWriteDeadline(now.Add(s.options.StallTimeout)) // for what is still in buffers
	if fault := recover(); fault != nil {
		x.reason = x.broken(fault)
		defer panic(http.ErrAbortHandler)
	}
	path, _, _ := strings.Cut(x.request.RequestURI, "?")
	line := Line{
		Client: x.link.client.Peer, Method: x.request.Method, Host: x.request.Host, Path: path,
		Proto: x.request.Proto, Status: x.answer.status, Reason: x.reason, Detail: x.detail, Route: x.route,
		BytesUp: x.upload.bytes.Load(), BytesDown: x.answer.bytes, Duration: now.Sub(x.began),
		User: x.user, RequestID: x.from.RequestID, TraceParent: x.request.Header.Get("traceparent"), UserAgent: x.request.UserAgent(),
	}
	if x.plan != nil {
		line.Route = x.plan.Route
	}
	if x.endpoint != nil {
		line.Endpoint = x.endpoint.Name
	}
	s.count.done(&line)
	if s.options.Log != nil {
		s.options.Log(line)
	}
}

// broken tells why an answer is missing or not whole.
func (x *exchange) broken(fault any) string {
	switch {
	case fault != http.ErrAbortHandler:
		x.server.options.Logger.Error("panic while serving a request", "panic", fault, "stack", string(debug.Stack()))
		return reasons.Panic
	case context.Cause(x.request.Context()) == errDrained:
		return reasons.Drain
	case x.answer.stall.fired.Load() || x.upload.stall.fired.Load():
		return refusedStalled.Reason
	case x.request.Context().Err() == nil && !x.answer.lost:
		return reasons.BackendLost
	case x.answer.status == 0:
		return reasons.ClientGone
	}
	return refusedLost.Reason
}
