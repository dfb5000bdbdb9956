// Package freeport gives tests an address to listen on in another process, or that nobody listens on.
//
// A port that is taken from the kernel and given back may be anybody's at once: another test's, of this or of another
// process, or that of a client's own end. So these lie below those that the kernel gives to clients, and each is marked
// as taken, for all processes of the tests, by a UDP socket of the same number until its test is over.
package freeport
