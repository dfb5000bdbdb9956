// Package handover lets a process be replaced by a successor without closing a listening socket.
//
// The way of an upgrade, old process on the left:
//
//	Start: sockets and State  ->  Inherit
//	Wait                      <-  Ready, or Failed with the reason
//	Go                        ->  Wait
//
// The successor is started with copies of the sockets and one end of a control connection, whose number is in the
// environment. It accepts connections as soon as it listens. Only when it has said Ready does the old process stop
// accepting. If the successor ends, or says Failed, the old process goes on as before.
//
// Sockets that systemd opened (socket activation, sd_listen_fds(3)) are inherited in the same way, without a State.
package handover
