// Package admin is the HTTP listener for people and their tools: health, metrics, what is served, and calls that change
// something. It knows the gateway by an interface alone, and nothing of sessions, backends or plans.
//
//	who may call    guard.go     pages may not, changes need a token or a caller on this machine
//	what is told    audit.go     each call that would change something is a line of the log
//	what is meant   choice.go    which sessions a call is about
package admin
