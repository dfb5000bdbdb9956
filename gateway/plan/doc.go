// Package plan makes one configuration ready: routes with their gates, rates and fleets, certificates, header rules. A
// [Plan] never changes. It knows nothing of loops and sessions, which hold it.
//
//	the plan and its builder         plan.go, routes.go, part.go
//	a route, what it is made of      route.go, compression.go, meter.go, extensions.go
//	its backends                     fleet.go, backendtls.go, tell.go
//	who may use it                   gate.go, clean.go, page.go
//	which one a request takes        find.go, and plain.go for requests that net/http has parsed
//	TLS with clients, listeners      tls.go, addresses.go
//	what is read again               upkeep.go
//	what a start would refuse        check.go
//
// # What plans have in common
//
// [Env.Build] is given the plan before. Each part (a fleet, a gate, the certificates, the connections for plain requests) has
// terms: all that it is made of, as a comparable value. Where the terms are equal the part is taken over as it is, with its
// health, its pools, its keys and its caches. A part is counted by the plans that hold it. It begins with the first that comes
// into force, and ends with the last that is released.
//
// # A request's way
//
// [Plan.Find] asks in this order: do the TLS terms of the connection still hold, is the host one of those that the
// connection may ask for, which route takes it, does that insist on TLS, does its gate take the address. The page and the
// credential come behind that: on the loop for handshakes (package session), on their own goroutine for plain requests.
package plan
