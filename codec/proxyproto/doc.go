// Package proxyproto reads and writes the PROXY protocol, versions 1 and 2: a few bytes ahead of a connection in which
// a proxy tells whose connection it passes on (haproxy.org/download/3.2/doc/proxy-protocol.txt, called "the spec" here).
//
//	bytes of a connection -> Parse -> Header, and how many bytes it took
//	addresses -> Append -> bytes
//
// Parse is called with all bytes so far until it has seen the whole header. It keeps nothing between calls, copies
// nothing, and never looks beyond the longest header there may be, so the caller need not hold more than [MaxHeader]
// bytes. Whether the peer may tell such things at all is the caller's question, to be asked first.
package proxyproto
