package certs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap/zapcore"
)

// event tells of certificates taken and of each attempt that failed.
func (a *acmeStore) event(ctx context.Context, name string, data map[string]any) error {
	what := fmt.Sprintf("ACME certificate %v", data["identifier"])
	switch name {
	case "cached_managed_cert": // new, or found in the storage at start
		if names, ok := data["sans"].([]string); ok && len(names) > 0 {
			a.tell("ACME certificate "+names[0], nil)
		}
	case "cert_obtained": // comes a moment before the certificate is served
		if data["renewal"] == true {
			a.tell(what, nil)
		}
	case "cert_failed":
		if err, ok := data["error"].(error); ok && ctx.Err() == nil {
			if data["renewal"] == false {
				err = fmt.Errorf("%w: %w", ErrNone, err)
			}
			a.tell(what, err)
		}
	}
	return nil
}

// errorLog is the zap core that passes certmagic's errors on, apart from those of attempts, which are events.
type errorLog struct {
	ctx    context.Context
	tell   func(what string, err error)
	fields []zapcore.Field
}

func (errorLog) Enabled(l zapcore.Level) bool { return l >= zapcore.ErrorLevel }
func (errorLog) Sync() error                  { return nil }

func (e errorLog) With(fields []zapcore.Field) zapcore.Core {
	e.fields = append(e.fields[:len(e.fields):len(e.fields)], fields...)
	return e
}

func (e errorLog) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	name, _, _ := strings.Cut(entry.LoggerName, ".")
	if !e.Enabled(entry.Level) || name == "obtain" || name == "renew" || e.ctx.Err() != nil {
		return checked
	}
	return checked.AddCore(entry, e)
}

func (e errorLog) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	text := entry.Message
	for _, f := range append(e.fields[:len(e.fields):len(e.fields)], fields...) {
		if err, ok := f.Interface.(error); ok {
			text += ": " + err.Error()
		}
	}
	e.tell("ACME", errors.New(text))
	return nil
}
