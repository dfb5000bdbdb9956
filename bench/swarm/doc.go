// Package swarm is a crowd of WebSocket clients in many processes, for when one process has too few
// descriptors or one source address too few ports.
//
//	Swarm   --(a command, one line of JSON on stdin)-->   worker, one loop with its clients
//	        <--(progress, then one report, on stdout)--
//
// The parent starts the processes, splits each command's work among them, and adds their reports up.
// A worker obeys one command at a time: open, hold, talk, await. Between commands it goes on
// answering pings and close frames. It ends when its stdin does, so none outlives the parent.
//
// A client here is for being many: some 90 bytes, and no buffer of its own while nothing is under
// way. It speaks without TLS, in open loop alone, and knows only echoes in one frame; package load has
// the clients for everything else.
//
// A worker's fields belong to its loop. Of the parent, each process has one goroutine that reads
// what it reports; a Swarm's methods are called by one goroutine at a time, but for Live.
package swarm
