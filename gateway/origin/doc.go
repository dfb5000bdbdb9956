// Package origin says from where a session may be opened: from which web pages ([Policy]) and from which networks
// ([Networks]).
//
//	Origin and Host of a handshake --> Policy.Allows --> go on, or 403
//	a client's address ------------> Networks.Allows --> go on, or 403
//
// # Pages
//
// A browser sends its cookies with every WebSocket handshake, whichever page asks, and lets that page read the answers:
// nothing but the server's look at Origin keeps a foreign page from using a user's session (RFC 6455 section 10.2).
// Clients that are no browsers send what they like, so a Policy is no authentication.
//
// # Networks
//
// Lists of addresses stand in the configuration and in files. Reload reads the files again and swaps both lists in at
// once; if one of them is wrong, all stays as it is and the error says which line. Sessions that are open stay.
//
// # Who owns what
//
// A Policy and a Set are immutable. Networks is for any goroutine; a look-up takes no lock.
package origin
