// Package routing finds the route that a request takes: the first, in the order
// they were written, whose conditions on host, path, headers and query all hold.
//
//	[]Match  -- New -->  Table  -- Find(Subject) -->  index of a Match
//
// A Table is immutable and free for any goroutine. Find allocates nothing, but
// for a path with escapes to undo. Explain says the same in words.
//
// # Paths that can be read in several ways
//
// Paths are compared in their normal form (Normal), so that "/%63hat" does not
// slip past a route for "/chat". Servers do more with a path, though, and not
// all the same: they go dot segments, escaped or not, merge slashes, take "%2F"
// for one, drop what follows a semicolon, do not look at case. A route could so
// be had by a path that takes another one here, and with it what its own route
// asks of who comes in. So Choose looks at all that a path can be read as:
//
//	a path that decides nothing for this host   passes as it came
//	Ambiguous                                   refused; or passes, if the route
//	                                            says so and all readings take it
//	any other                                   refused, if a reading leads to a
//	                                            route with the same backend that
//	                                            asks more of who comes in
package routing
