package deflate

import "strconv"

// Windows of LZ77 in bits, the base-2 logarithm of their bytes (RFC 7692 section 7.1.2).
const (
	MinWindowBits = 8
	MaxWindowBits = 15
)

// Options are a route's wishes. The zero value asks for nothing.
type Options struct {
	ServerWindowBits uint8 // the largest window that we deflate with, 8 to 15; 0: 15. Smaller ones spare clients memory
	ClientWindowBits uint8 // the same for clients that can be told so; 0: 15. To us it makes no difference
}

// Params are what was settled with one client; both directions go without context takeover besides.
type Params struct {
	ServerWindowBits uint8 // for [Deflater.Append]; 0: 15, and the response does not mention it
	ClientWindowBits uint8 // as ServerWindowBits
}

// Accept takes the first offer, the one that the client likes best. There is none that we could not keep to: a Deflater
// can use every window, an Inflater's is the largest there is. ok is false if there is no offer.
func Accept(offers []Offer, o Options) (p Params, ok bool) {
	if len(offers) == 0 {
		return Params{}, false
	}
	p.ServerWindowBits = least(offers[0].ServerMaxWindowBits, o.ServerWindowBits)
	// A client that has not said client_max_window_bits must not be told one (section 7.1.2.2). What it says is a hint
	// that needs no answer.
	if offered := offers[0].ClientMaxWindowBits; offered != 0 && o.ClientWindowBits != 0 {
		p.ClientWindowBits = least(offered, o.ClientWindowBits)
	}
	return p, true
}

// least of two window sizes, of which 0 stands for none given.
func least(a, b uint8) uint8 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// AppendResponse appends the value of the response's Sec-WebSocket-Extensions.
func AppendResponse(dst []byte, p Params) []byte {
	dst = append(dst, name+"; "+serverTakeover+"; "+clientTakeover...)
	dst = appendBits(dst, serverBits, p.ServerWindowBits)
	return appendBits(dst, clientBits, p.ClientWindowBits)
}

func appendBits(dst []byte, parameter string, bits uint8) []byte {
	if bits == 0 {
		return dst
	}
	dst = append(append(dst, "; "...), parameter...)
	return strconv.AppendUint(append(dst, '='), uint64(bits), 10)
}
