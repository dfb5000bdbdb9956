//go:build !race

// The race detector makes sync.Pool forget: nothing to measure there.

package sticky_test

import (
	"net/http"
	"testing"
	"time"

	"weir/gateway/sticky"
)

func TestNoAllocation(t *testing.T) {
	c := sticky.New(key, "weir", time.Hour, http.SameSiteLaxMode)
	token := []byte(c.Value(42, now))
	if n := testing.AllocsPerRun(200, func() { c.Read(token, now) }); n > 0 {
		t.Errorf("Read allocates %v times", n)
	}
	if n := testing.AllocsPerRun(200, func() { c.SetCookie(42, now, true) }); n > 2 {
		t.Errorf("SetCookie allocates %v times", n)
	}
}
