package gateway

import (
	"reflect"
	"time"

	"weir/gateway/session"
)

// BallastSize is the part of the heap that nobody uses.
const BallastSize = session.BallastSize

// SessionsWithMore counts the sessions that have what only some have, or for a time only. It looks at them by reflection, as
// only this test asks for it.
func SessionsWithMore(g *Gateway) (n int) {
	for _, sh := range g.shards {
		_ = sh.Loop.Do(func() {
			all := reflect.ValueOf(sh).Elem().FieldByName("sessions")
			for i := range all.Len() {
				if !all.Index(i).Elem().FieldByName("extra").IsNil() {
					n++
				}
			}
		})
	}
	return n
}

// Stall keeps the loops busy for as long as a machine that does not get to them would.
func Stall(g *Gateway, d time.Duration) {
	for _, sh := range g.shards {
		_ = sh.Loop.Post(func() { time.Sleep(d) })
	}
}
