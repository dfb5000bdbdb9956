// Package limits bounds what clients share: places that are counted, in all and for each address, and turns to compute.
// It knows addresses and nothing of connections, sessions or requests.
//
//	a connection, a request -- Count.Enter --> InByAddress, In, Full or AddressFull; Leave when it is over
//	who waits for somebody  -- Shares.Enter --> a place, unless the address has as many as are free; Leave
//	who is going to compute -- Turns.Queue, Turns.Wait --> his turn; Done when he has computed or has to wait for a peer
//
// # What is fair
//
// A [Count] has a number for each address beside the one for all. [Shares] have none: an address may have as many places as
// are still free, so that one address alone gets half of them, two a third each, and there is always room for another.
//
// [Turns] are taken by one address after the other: whoever begins to wait is next once each of the other addresses
// that wait has had one turn. Within an address they are first come, first served. Who has no address (backends, for
// which all sessions wait, and peers behind unix sockets) has every second turn. Who waits by WaitLast gets a turn
// only when nobody else waits.
//
// # Who owns what
//
// All of it is for any goroutine: a lock or an atomic number each, taken when a client or a request comes and goes,
// never by a message. Entries exist for addresses that are in or wait, so that memory is bounded by those. [Turns] have no
// end of their own: each that waits is a connection or a request that was counted elsewhere, and is taken out when it ends.
package limits
