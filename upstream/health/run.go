package health

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Run probes after first and then at every interval until ctx ends, and hands each
// outcome to report on its own goroutine. A probe waits for room in slots, which
// several Runs may share; its timeout counts from there. The jitter differs by name.
func (o Options) Run(ctx context.Context, name string, first time.Duration, slots chan struct{}, probe Probe, report func(error)) {
	jitter := o.jitter(name)
	next := time.NewTimer(first)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		err := o.once(ctx, probe)
		<-slots
		if ctx.Err() != nil {
			return // the outcome says nothing about the backend
		}
		report(err)
		next.Reset(time.Duration(float64(o.Interval) * (0.9 + 0.2*jitter.Float64())))
	}
}

func (o Options) once(ctx context.Context, probe Probe) error {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	return probe(ctx)
}

func (o Options) jitter(name string) *rand.Rand {
	if o.Seed == 0 {
		return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(o.Seed, h.Sum64()))
}
