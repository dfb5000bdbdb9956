// Package certs keeps what a TLS listener shows and asks for: server certificates and their choice by name, client
// certificates, session tickets, and their renewal from files and by ACME, all behind one *tls.Config.
//
// # The way of the data
//
//	files --watch--> pairs, authorities, ticket keys --build--> view --> handshakes
//	ACME directory --certmagic--> its cache and storage folder -------> handshakes
//
// The files are read again and their content is compared (internal/watch); what cannot be used leaves the old value in place. Any change
// builds a new view, an immutable answer to "which certificate, which site", and swaps it in. A handshake looks the
// view up once by the client's server name; nothing is cloned for a connection, and a standing connection keeps no view.
//
// # Tickets
//
// Each site has a key ring of its own. A session made under one site's rules is unreadable to another, and to the
// same site once its authorities changed, whatever crypto/tls would make of it. The rings outlive a reload.
//
// # Who owns what
//
// The Store's sources are under one lock, taken by the watching goroutine and Reload. The view is read by any
// goroutine. certmagic owns the ACME account, orders and renewals, which run on its goroutines between Start and Close.
package certs
