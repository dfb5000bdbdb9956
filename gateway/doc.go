// Package gateway composes the rooms below it into Weir: it makes a plan of the configuration, starts the loops, swaps the
// plan when it is told to, hands its place to a successor, and winds down. What happens on a connection is not its business.
//
//	config               a configuration, its knobs and where each value came from
//	plan                 what one configuration means; immutable, swapped whole
//	session              what runs on a loop: a client's life from accept to the last descriptor closed
//	listen               the sockets that clients connect to
//	web                  plain HTTP, on net/http
//	observe, reasons     counters, log lines, and the names of refusals, closes and drops
//	admin                HTTP for people and tools, over one interface
//	auth, origin, clientaddr, certs, rate, routing, sticky, limits, logqueue    what plans are made of
//
// # Lifetimes
//
// Everything has one of four. A process (session.Process, Gateway) has the headcounts, metrics, log, admin listener, sockets
// and keys that were made here. A plan is never changed: the next is built beside it, takes over what both have in the same
// terms, and is swapped in by one pointer and one task for each loop. A loop (session.Shard) has lanes, links to backends,
// sessions and counters, which no other goroutine touches. A session is one client's life; its lane pins the route that it
// came by, and so the parts of its plan.
//
// # Glossary
//
//	admit        count a client or request in, within the bounds
//	backend      a server behind the gateway; an address of one is an endpoint
//	bound        a number that there may be at once: of clients, requests, bytes
//	compression  of messages between client and gateway (RFC 7692)
//	drain        close all sessions at an even pace, and end
//	end          of a session: why, with which code, and what is still to be said
//	evict        close the sessions that a new plan has no place for
//	extra        what only some sessions have, or for a time only
//	fleet        a set of endpoints with how they are reached
//	gate         who may use a route: addresses, pages, credentials
//	gather       keep a message until it has ended, to look at it as a whole
//	handshake    a client's request to open a WebSocket; what is needed only until its answer
//	lane         a loop's part of a route, or of a listener while the route is not known
//	leave        stop accepting, as a successor does so in our place
//	link         a loop's connections to a fleet
//	listener     a loop's socket that clients connect to
//	meter        rates of a route
//	newcomer     a client whose request is still to come
//	part         what several plans may have in common; it ends with its last holder
//	phase        how far a session has come
//	plan         one configuration made ready
//	pool         the shared connections to one endpoint; a stream is a session's share of one
//	preface      what comes before a request: a PROXY header, TLS
//	reload       read the configuration again, and swap the plan
//	reread       read files again that the configuration names
//	route        where a kind of request goes, and how it is treated on the way
//	shard        a loop's part of the gateway
//	terms        all that a part is made of, comparable: equal terms are one part
//	tunnel       a connection to a backend that one session has for itself
package gateway
