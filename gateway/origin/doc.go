// Package origin says from which web pages a session may be opened ([Policy]):
//
//	Origin and Host of a handshake --> Policy.Allows --> go on, or 403
//
// A browser sends its cookies with every WebSocket handshake, whichever page asks, and lets that page read the answers:
// nothing but the server's look at Origin keeps a foreign page from using a user's session (RFC 6455 section 10.2).
// Clients that are no browsers send what they like, so a Policy is no authentication.
//
// A Policy is immutable.
package origin
