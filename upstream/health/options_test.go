package health_test

import (
	"testing"
	"time"

	"weir/upstream/health"
)

func TestComplete(t *testing.T) {
	got, err := health.Options{Interval: time.Second}.Complete()
	want := health.Options{Interval: time.Second, Timeout: 2 * time.Second, Rise: 2, Fall: 3}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []health.Options{
		{Path: "health"}, {Path: "/a b"}, {Path: "/\r\nX: y"}, {Path: "/\x00"}, {Path: "/#a"}, {Path: "/é"},
		{Interval: -1}, {Timeout: -1}, {Rise: -1}, {Fall: -1},
	} {
		if _, err := bad.Complete(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}
