package health_test

import (
	"testing"
	"time"

	"weir/upstream/health"
)

func TestComplete(t *testing.T) {
	for in, want := range map[*health.Options]health.Options{
		{}:                       {Kind: health.TCP},
		{Path: "/a"}:             {Kind: health.HTTP, Path: "/a", Statuses: "200-399"},
		{Kind: health.HTTP}:      {Kind: health.HTTP, Path: "/", Statuses: "200-399"},
		{Kind: health.WebSocket}: {Kind: health.WebSocket, Path: "/"},
		{Kind: health.TCP, Path: "/", Host: "a", Fields: "A: b\n", Statuses: "200", Port: 1}: {Kind: health.TCP, Port: 1},
	} {
		in.Interval, want.Interval, want.Timeout, want.Rise, want.Fall = time.Second, time.Second, 2*time.Second, 2, 3
		if got, err := in.Complete(); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	for _, bad := range []health.Options{
		{Path: "health"}, {Path: "/a b"}, {Path: "/\r\nX: y"}, {Path: "/\x00"}, {Path: "/#a"}, {Path: "/é"},
		{Kind: "ping"}, {Kind: health.HTTP, Statuses: "2xx"}, {Path: "/", Statuses: "204,"}, {Path: "/", Statuses: "101"}, {Path: "/", Statuses: "300-200"}, {Interval: -1}, {Timeout: -1}, {Rise: -1}, {Fall: -1},
	} {
		if _, err := bad.Complete(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}
