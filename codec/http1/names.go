package http1

// Fields that a rule may not touch and that never pass as they came, as each hop writes its own.
var (
	// RFC 9110 sections 7.6.1 and 11.7. Without HTTP2-Settings no h2c upgrade gets through (RFC 7540 section 3.2.1).
	hopNames = []string{"Connection", "Upgrade", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
		"Proxy-Authorization", "TE", "Trailer", "HTTP2-Settings"}
	// RFC 9112 section 6.
	framingNames = []string{"Content-Length", "Transfer-Encoding"}
	// RFC 6455 sections 4.1 and 4.2.2.
	askNames    = []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version"}
	answerNames = []string{"Sec-WebSocket-Accept"}

	framing     = setOf(framingNames)
	notSentUp   = setOf(hopNames, framingNames, askNames, []string{"Host"})
	notSentDown = setOf(hopNames, framingNames, answerNames)
	notInRules  = setOf(hopNames, framingNames, askNames, answerNames)
)

// nameSet holds names by their length, so that one look tells most others apart.
type nameSet [24][]string

func setOf(lists ...[]string) *nameSet {
	var t nameSet
	for _, list := range lists {
		for _, n := range list {
			t[len(n)] = append(t[len(n)], n)
		}
	}
	return &t
}

// has tells whether a reader may take the name for one of the set.
func (t *nameSet) has(name []byte) bool {
	if len(name) >= len(t) {
		return false
	}
	for _, n := range t[len(name)] {
		if same(name, n, &alike) {
			return true
		}
	}
	return false
}

// provenance tells the fields in which only a proxy has a say: X-Forwarded-*, Forwarded (RFC 7239), X-Real-IP.
func provenance(name []byte) bool {
	const family = "x-forwarded-"
	return len(name) > len(family) && same(name[:len(family)], family, &alike) ||
		same(name, "forwarded", &alike) || same(name, "x-real-ip", &alike)
}
