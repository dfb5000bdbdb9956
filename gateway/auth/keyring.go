package auth

// maxTries bounds the keys that one token is tried against: each try costs the loop a verification.
const maxTries = 4

// keyring is a set of keys; a nil one has none. Immutable.
type keyring struct {
	named   map[string][]key // by key id
	unnamed []key
	all     []key
}

func newKeyring() *keyring { return &keyring{named: make(map[string][]key)} }

func (kr *keyring) add(id string, k key) {
	kr.all = append(kr.all, k)
	if id == "" {
		kr.unnamed = append(kr.unnamed, k)
		return
	}
	kr.named[id] = append(kr.named[id], k)
}

// fitting gives the first keys that may have signed a token: those of its key id; if the set knows none of that id,
// those without one; without a key id any. known is false if the set has no such key for any algorithm.
func (kr *keyring) fitting(id, name string, a algorithm) (keys [maxTries]key, n int, known bool) {
	if kr == nil {
		return keys, 0, false
	}
	list := kr.all
	if id != "" {
		if list = kr.named[id]; len(list) == 0 {
			list = kr.unnamed
		}
	}
	for _, k := range list {
		if n < maxTries && k.fits(name, a) {
			keys[n] = k
			n++
		}
	}
	return keys, n, len(list) > 0
}

// useful tells how many keys serve one of the algorithms.
func (kr *keyring) useful(allowed map[string]algorithm) (n int) {
	for _, k := range kr.all {
		for name, a := range allowed {
			if k.fits(name, a) {
				n++
				break
			}
		}
	}
	return n
}
