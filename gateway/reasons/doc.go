// Package reasons has the name of each refusal, close and drop of the gateway's own: at once the close reason, the log field
// and the metric's label. Each has its series from the start (package observe), and a row in the manual.
//
// Those of malformed requests and frames are defined beside the rules that they break (packages http1, frame, deflate,
// json, proxyproto), those of credentials in package auth, of plain HTTP in package web, of backends in package upstream.
package reasons
