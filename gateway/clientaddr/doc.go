// Package clientaddr holds lists of addresses: of proxies whose word on a client is taken ([Set]), and of clients that
// may connect or may not ([Networks]).
//
//	a peer's address ---> Set.Has ---------> whether what it says of the client counts
//	a client's address -> Networks.Allows -> go on, or 403
//
// Lists stand in the configuration and in files (internal/watch). Reload reads the files again and swaps both lists in at
// once; if one of them is wrong, all stays as it is and the error says which line. Sessions that are open stay.
//
// A Set is immutable. Networks is for any goroutine; a look-up takes no lock.
package clientaddr
