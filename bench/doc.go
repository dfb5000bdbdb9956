// Package bench compares gateways by what one round trip costs them. It drives whatever answers a
// WebSocket upgrade over a socket. Of Weir alone it knows flags and metrics, to hold very many sockets with it.
//
// The way of a figure:
//
//	Scenario --> Measure(target, pids)   one Figures: load's Result joined to the pids' CPU and memory
//	Compare  --> a fresh echo backend and a fresh peer for each cell (scenario, round, peer),
//	             peers taking turns within a round, so that drift of the machine meets all alike;
//	             pooled peers get the backend that speaks RFC 8441; with TLS, all show one certificate
//	Report   --> medians over the rounds, ratios, goals; as tables, JSON, pictures, a document
//
//	Many     --> HoldMany   one Million: a weir with very many sockets that are opened, idle, talk, drained
//	         --> Grow       a Grown: a Growth for each number of connections and loops, with a fresh weir
//
// The steady figure is CPU time of the measured process for each round trip; where the load's rate is
// given, the latency. Messages a second, and latency under full load, also depend on the load and the
// backend, which share the processors with it.
//
// Rooms: load (clients), swarm (clients in many processes), echo (backend), relay (the floor), peers (processes and their
// configurations), plot (SVG), proc (what the kernel counts), wire (frames) and epoll (the loop under load,
// echo and relay). More scenarios are more entries of Scenarios and, where they behave in a new way, a new Kind.
package bench
