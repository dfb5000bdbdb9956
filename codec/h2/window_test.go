package h2_test

import (
	"math"
	"testing"

	"weir/codec/h2"
)

func TestWindow(t *testing.T) {
	w := h2.NewWindow(100)
	want := func(n int) {
		t.Helper()
		if w.Available() != n {
			t.Fatalf("%d, want %d", w.Available(), n)
		}
	}
	must := func(err *h2.Error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refuse := func(err *h2.Error, reason string) {
		t.Helper()
		if err == nil || err.Reason != reason || err.Code != h2.FlowControlError {
			t.Fatal(err)
		}
	}
	want(100)
	must(w.Take(60))
	refuse(w.Take(41), "h2_window_exceeded")
	want(40)
	must(w.Resize(100, 10)) // below zero by 50
	want(0)
	refuse(w.Take(1), "h2_window_exceeded")
	must(w.Take(0))
	must(w.Credit(49))
	want(0)
	must(w.Credit(2))
	want(1)
	must(w.Resize(10, math.MaxInt32))
	refuse(w.Credit(11), "h2_window_overflow")
	must(w.Credit(9))
	want(math.MaxInt32)
	refuse(w.Resize(0, 1), "h2_window_overflow")
	refuse(w.Credit(1), "h2_window_overflow")
	must(w.Take(math.MaxInt32))
	want(0)
	must(w.Resize(math.MaxInt32, 0))
	want(0)
	must(w.Credit(math.MaxInt32))
	want(0)
	must(w.Credit(1))
	want(1)
}

func TestNewWindowIsBounded(t *testing.T) {
	if n := h2.NewWindow(math.MaxUint32).Available(); n != math.MaxInt32 {
		t.Error(n)
	}
}
