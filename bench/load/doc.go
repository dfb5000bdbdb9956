// Package load is the client side of the scenarios: a crowd of WebSocket clients on one thread, or
// on a few, each with its own event loop and its own share of the connections.
//
// Open connects and upgrades a Crowd at a limited rate. Then Hold keeps it idle, or Echo lets it talk:
//
//   - closed loop: each active client sends, waits for the echo, sends again. All echoes of one
//     batch of events are read before the next messages go out, as from a real crowd.
//   - open loop (Rate > 0): each active client sends on a fixed schedule, come what may. Latency
//     counts from the instant a message was due, so a stall is not hidden by sending less.
//
// Storm is apart: it connects, upgrades and resets over and over. So is Deaf, the one client that
// sends and never reads, whose neighbours a Crowd can be.
//
// Every message carries its client's and its own number, which the echo must bring back together
// with the right length and last byte. Messages live in one frame per loop, stamped before each
// write, so a client owns no buffer. Whatever goes wrong is counted under a Fault and does not
// stop the others.
//
// Of a Target with TLS, each handshake blocks a goroutine; then the loop drives crypto/tls itself, so
// that a crowd behaves alike with TLS and without. A Result tells what was negotiated.
//
// Each loop's fields belong to its goroutine; the Crowd gathers the tallies after all have returned.
package load
