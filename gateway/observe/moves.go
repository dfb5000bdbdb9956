package observe

import "weir/gateway/reasons"

// Why a session is moved to another backend.
const (
	MoveLost      = reasons.BackendLost  // the backend's connection broke
	MoveGone      = reasons.BackendGone  // the backend ended its connection
	MoveClosed    = reasons.BackendClose // the backend closed with 1001 or 1012
	MoveGoAway    = "goaway"             // the backend asked its pooled connection to end
	MoveManual    = "manual"             // its endpoint is drained by hand
	MoveLeaving   = "leaving"            // its endpoint's source says that it is about to end, or knows it no more
	MoveRebalance = "rebalance"          // its endpoint has more than its share, or its key belongs elsewhere by now
)

// Moves are all of them.
var Moves = []string{MoveLost, MoveGone, MoveClosed, MoveGoAway, MoveManual, MoveLeaving, MoveRebalance}

// What becomes of a move.
const (
	Moved        = "moved"
	MoveRefused  = "refused"     // no backend took the session
	MoveMismatch = "mismatch"    // a backend agreed to another subprotocol, or to an extension
	MoveWaited   = "no_boundary" // one side never stood between two messages
	MoveBroken   = "broken"      // the new backend ended before its turn
	MoveEnded    = "ended"       // the session did
)

// MoveOutcomes are all of them.
var MoveOutcomes = []string{Moved, MoveRefused, MoveMismatch, MoveWaited, MoveBroken, MoveEnded}
