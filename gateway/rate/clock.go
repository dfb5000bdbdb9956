package rate

import "time"

// began is where Now counts from.
var began = time.Now()

// Now is the time that all tables are told: the same for all loops, by a clock that does not jump.
func Now() time.Duration { return time.Since(began) }
