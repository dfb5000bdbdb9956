// Package route finds the route that a request takes: the first, in the order
// they were written, whose conditions on host, path, headers and query all hold.
//
//	[]Match  -- New -->  Table  -- Find(Subject) -->  index of a Match
//
// A Table is immutable and free for any goroutine. Find allocates nothing, but
// for a path with escapes to undo. Explain says the same in words.
//
// Paths are compared in their normal form (Normal), so that "/%63hat" does not
// slip past a route for "/chat". What a backend may read as another path than
// the one compared (Ambiguous) must be refused before a route is looked for.
package route
