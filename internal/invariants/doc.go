// Package invariants holds the checks that only a debug build pays for (go build -tags debug):
// that what one loop owns is touched by that loop alone, and that nobody keeps a lent buffer past its life.
package invariants
