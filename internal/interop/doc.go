// Package interop holds the tests that put the gateway between real clients and real backends, and the faults
// that real networks have. It has no code of its own.
//
// A Peer is a WebSocket implementation in both roles: npm's ws and Python's websockets run as scripts (node/,
// python/) that read commands on stdin and tell events on stdout, one JSON object a line; Go's
// coder/websocket takes the same commands in this process. protocol_test.go defines them, scenarios_test.go is
// the table that every pair of peers plays, and a Front is the gateway between them, so that the same table can
// be played over another kind of upstream. The peers live as long as the test binary; a script ends when its
// stdin closes, so none outlives a run that was killed.
//
// The same scenarios and the pools' own faults over pooled upstreams (RFC 8441) are in pool_*_test.go, with backends on
// package upstream/accept, Node's http2, Go's net/http, Hypercorn, and HAProxy as a sidecar.
//
// closing_test.go has more client libraries, Node's own, npm's websocket, aiohttp and Firefox among them, tell how their
// WebSockets ended, for every close that the gateway begins.
//
// h2spec_test.go runs h2spec's cases of HTTP/2 against the gateway, and against net/http alone, which serves it.
//
// delivered_test.go breaks the protocol behind a message, as echo suites do, and looks for what the other side had to say to it.
//
// The fault tests (fault_*_test.go) speak raw TCP, to see each byte and to break connections anywhere. Those of
// a whole process (process_*_test.go) build and run the command weir.
//
// What the tests need beside Go is installed by make deps; it is an error, and no reason to skip, if it is
// missing. The flag -soak 2m lets the soak test run for so long.
package interop
