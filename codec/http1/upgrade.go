package http1

import (
	"crypto/sha1"
	"encoding/base64"
)

// AsksUpgrade tells whether a parsed request wants a WebSocket, well or badly: CheckUpgrade tells which. Any other is
// plain HTTP, whatever else it would upgrade to: a server is free to ignore that (RFC 9110 section 7.8).
func (r *Request) AsksUpgrade() bool {
	return listed(r.Fields, "upgrade", "websocket") && listed(r.Fields, "connection", "upgrade")
}

// CheckUpgrade tells whether a parsed request is a WebSocket handshake (RFC 6455 section 4.2.1) and sets Key. It has
// no body, as no server reads one before an upgrade and what is left unread would be taken for frames.
func (r *Request) CheckUpgrade() *Refusal {
	_, upgrades := only(r.Fields, "upgrade")
	version, versions := only(r.Fields, "sec-websocket-version")
	key, keys := only(r.Fields, "sec-websocket-key")
	switch {
	case !r.AsksUpgrade():
		return NotUpgrade
	case r.minor == 0: // RFC 6455 section 4.2.1
		return badVersion
	case upgrades > 1:
		return twoUpgrades
	case string(r.Method) != "GET":
		return notGet
	case r.Body.Chunked:
		return hasCoding
	case !r.Body.None():
		return hasBody
	case versions > 1:
		return twoVersions
	case string(version) != "13":
		return wrongVersion
	case keys == 0:
		return noKey
	case keys > 1:
		return twoKeys
	case !validKey(key):
		return badKey
	}
	r.Key = key
	return nil
}

// validKey: base64 of 16 bytes. The bits that the last letter has to spare may be anything: some clients make a key
// of random letters, and no server minds.
func validKey(key []byte) bool {
	var nonce [18]byte // what 24 letters decode to without padding
	if len(key) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(nonce[:], key)
	return err == nil && n == 16
}

// Accept is the Sec-WebSocket-Accept that answers a key (RFC 6455 section 4.2.2).
func Accept(key []byte) (accept [28]byte) {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	var room [24 + len(guid)]byte
	sum := sha1.Sum(append(append(room[:0], key...), guid...))
	base64.StdEncoding.Encode(accept[:], sum[:])
	return accept
}
