package h2

// fieldName is one whose fields go into HPACK's table: what many clients have in common and none keeps secret. Those who
// share a pool share the table and may not trust one another, so all other fields are marked never to be indexed, on
// later hops too (RFC 7541 section 7.1). Among those are :path, as queries hold tokens, and sec-websocket-protocol,
// as browsers' code puts tokens there for want of a better place.
type fieldName struct {
	text   string
	static int      // its first place in the static table (RFC 7541 appendix A), 0 if it has none
	values []string // what stands in the static table from there on
}

// The names that the Encoder itself puts into a block.
const (
	idMethod = iota
	idProtocol
	idScheme
	idAuthority
	idStatus
	idVersion
)

var names = [...]fieldName{
	idMethod:    {":method", 2, nil},
	idProtocol:  {":protocol", 0, nil},
	idScheme:    {":scheme", 6, []string{"http", "https"}},
	idAuthority: {":authority", 1, nil},
	idStatus:    {":status", 8, []string{"200", "204", "206", "304", "400", "404", "500"}},
	idVersion:   {"sec-websocket-version", 0, nil},

	{"accept-encoding", 16, []string{"gzip, deflate"}},
	{"accept-language", 17, nil},
	{"cache-control", 24, nil},
	{"content-type", 31, nil},
	{"origin", 0, nil},
	{"pragma", 0, nil},
	{"sec-websocket-extensions", 0, nil},
	{"server", 54, nil},
	{"user-agent", 58, nil},
	{"via", 60, nil},
	{"x-forwarded-host", 0, nil},
	{"x-forwarded-proto", 0, nil},
}

const spots = 64

// places finds a name: each stands at its spot or, where that was taken, at the next that was free.
var places = func() (p [spots]uint8) {
	for id := range names {
		at := spot([]byte(names[id].text))
		for p[at] != 0 {
			at = (at + 1) % spots
		}
		p[at] = uint8(id + 1)
	}
	return p
}()

// spot is where the search for a name of at least one byte begins: chosen so that no two of the names share one.
func spot(b []byte) uint { return (uint(len(b)) + 2*uint(b[len(b)-1])) % spots }

// find gives the number of a name in lower case. It is not ok if its fields are never indexed.
func find(b []byte) (id int, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for at := spot(b); places[at] != 0; at = (at + 1) % spots {
		if id := int(places[at]) - 1; string(b) == names[id].text {
			return id, true
		}
	}
	return 0, false
}

// appendLower adds b with its capitals made small.
func appendLower(dst, b []byte) []byte {
	at := len(dst)
	dst = append(dst, b...)
	for i, c := range dst[at:] {
		dst[at+i] = lower[c]
	}
	return dst
}

var lower = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			t[c] += 'a' - 'A'
		}
	}
	return t
}()
