package admin

import (
	"bytes"
	"log/slog"
	"net/http"

	"weir/gateway/observe"
)

// audit is what the log is told of calls that would change something.
type audit struct {
	log       *slog.Logger
	strangers observe.Limiter // that asked for changes
}

// audited tells the log of each call that would change something: who made it, what was asked and what came of it. Of those
// that were refused for who made them there is a line once in a while, lest a stranger fills the log.
func (l *audit) audited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		a := &auditedAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(a, r)
		asked := r.URL.RawQuery
		if r.Form != nil { // what came in the body, too
			asked = r.Form.Encode()
		}
		attrs := []any{"call", observe.Clipped(r.URL.Path), "asked", observe.Clipped(asked), "from", r.RemoteAddr, "by", a.by,
			"status", a.status, "answer", string(bytes.TrimSpace(a.begin))}
		if a.by != "" {
			l.log.Info("admin call", attrs...)
		} else if ok, held := l.strangers.Due(); ok {
			l.log.Warn("admin call refused", append(attrs, "left_out", held)...)
		}
	})
}

// auditedAnswer is an answer of which the log tells.
type auditedAnswer struct {
	http.ResponseWriter
	by     string // what entitles the caller; "": nothing
	status int
	begin  []byte // of the body
}

func (a *auditedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *auditedAnswer) Write(b []byte) (int, error) {
	const told = 256
	a.begin = append(a.begin, b[:min(len(b), told-min(told, len(a.begin)))]...)
	return a.ResponseWriter.Write(b)
}

// entitled notes on the answer what entitles its caller to changes.
func entitled(w http.ResponseWriter, by string) bool {
	if a, ok := w.(*auditedAnswer); ok {
		a.by = by
	}
	return by != ""
}
