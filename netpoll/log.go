package netpoll

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/panjf2000/gnet/v2/pkg/logging"
)

// pollerLog passes on what gnet's poller says. gnet's own log writes to standard output on the loop, which would wait for
// whoever reads that.
type pollerLog struct{}

func init() { logging.SetDefaultLoggerAndFlusher(pollerLog{}, func() error { return nil }) }

func (pollerLog) Debugf(format string, args ...any) { slog.Debug(fmt.Sprintf(format, args...)) }
func (pollerLog) Infof(format string, args ...any)  { slog.Info(fmt.Sprintf(format, args...)) }
func (pollerLog) Warnf(format string, args ...any)  { slog.Warn(fmt.Sprintf(format, args...)) }
func (pollerLog) Errorf(format string, args ...any) { slog.Error(fmt.Sprintf(format, args...)) }

func (l pollerLog) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	os.Exit(1)
}
