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
// In a Fanout one client of the crowd speaks and all others listen. In a Rejoin the clients talk in
// the open loop and come back when their connections end.
//
// Storm is apart: it connects, upgrades and resets over and over, or has each client talk a while and
// leave with a close handshake. So is Slow, clients that send and hardly read, whose neighbours a
// Crowd can be.
//
// Request is apart, too: its clients send plain HTTP requests over kept connections.
//
// A phase tells its loops by hooks what to make of a handshake, a whole message, a lost connection;
// reading, writing, pongs and answers to close frames are the same in all of them.
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
