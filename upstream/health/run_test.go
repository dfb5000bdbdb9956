package health_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/upstream/health"
)

// times runs checks for a minute of made-up time and notes when they happened.
func times(t *testing.T, o health.Options, name string) []time.Duration {
	t.Helper()
	var at []time.Duration
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		probe := func(context.Context) error { return nil }
		o.Run(ctx, name, 0, make(chan struct{}, 1), probe, func(error) { at = append(at, time.Since(begin)) })
	})
	return at
}

func TestRunKeepsItsInterval(t *testing.T) {
	o := health.Options{Interval: 5 * time.Second, Timeout: time.Second, Seed: 1}
	at := times(t, o, "a")
	if len(at) == 0 || at[0] != 0 {
		t.Fatalf("the first check was not at the start: %v", at)
	}
	var gaps []time.Duration
	for i := range at[1:] {
		gaps = append(gaps, at[i+1]-at[i])
	}
	if slices.Min(gaps) < 4500*time.Millisecond || slices.Max(gaps) > 5500*time.Millisecond {
		t.Errorf("gaps %v", gaps)
	}
	if len(slices.Compact(gaps)) < 2 {
		t.Error("no jitter")
	}
	if !slices.Equal(times(t, o, "a"), at) {
		t.Error("one seed made two schedules")
	}
	if slices.Equal(times(t, o, "b"), at) {
		t.Error("two names share a schedule")
	}
}

func TestRunTimesOutAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		o := health.Options{Interval: time.Second, Timeout: 2 * time.Second, Seed: 1}
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		reports, begin := 0, time.Now()
		o.Run(ctx, "a", 0, make(chan struct{}, 1), hang, func(err error) {
			reports++
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("reported %v", err)
			}
			if took := time.Since(begin); took != o.Timeout {
				t.Errorf("a check took %v", took)
			}
			time.AfterFunc(1500*time.Millisecond, cancel) // inside the second check
		})
		if reports != 1 {
			t.Errorf("%d reports, want one: what is called off says nothing", reports)
		}
	})
}

func TestSlotsBoundChecksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		slots := make(chan struct{}, 3)
		var running, done atomic.Int64
		var runs sync.WaitGroup
		probe := func(context.Context) error {
			defer running.Add(-1)
			if n := running.Add(1); n > 3 {
				t.Errorf("%d checks at once", n)
			}
			time.Sleep(time.Duration(1+rand.IntN(1000)) * time.Millisecond)
			return nil
		}
		o := health.Options{Interval: time.Second, Timeout: 2 * time.Second}
		for i := range 20 {
			runs.Go(func() { o.Run(ctx, fmt.Sprint(i), 0, slots, probe, func(error) { done.Add(1) }) })
		}
		runs.Wait()
		if done.Load() < 100 {
			t.Errorf("only %d checks in a minute", done.Load())
		}
	})
}
