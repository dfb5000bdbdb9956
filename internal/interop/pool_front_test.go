package interop

import (
	"strings"
	"testing"

	"weir/gateway/config"
)

// pools is a gateway in this process that shares connections to the backends among clients.
func pools(t testing.TB, backends ...string) *Front { return poolsTuned(t, nil, backends...) }

func poolsTuned(t testing.TB, change func(*config.Config), backends ...string) *Front {
	t.Helper()
	urls := make([]string, len(backends))
	for i, b := range backends {
		urls[i] = strings.Replace(b, "ws://", "h2c://", 1)
	}
	return tuned(t, change, urls...)
}
