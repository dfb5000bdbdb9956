package auth

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

// user is a line of a file: name:hash.
type user struct {
	name string
	hash []byte // of bcrypt as it is written, or the 32 bytes of SHA-256
	slow bool   // bcrypt
}

// users is what such a file holds. Immutable.
type users struct {
	list   []user
	byName map[string]int
	byHash map[[sha256.Size]byte]int // those with SHA-256
}

// maxCost bounds bcrypt: a try at 15 takes seconds.
const maxCost = 15

// parseUsers reads lines of name:hash. The hash is bcrypt ($2y$10$..., as htpasswd -B makes it) for what people choose,
// or the hex digits of SHA-256 (printf %s "$key" | sha256sum) for long random keys alone: it is quick, and so is to
// guess a password by it. Empty lines and those with # in front are passed over.
func parseUsers(b []byte) (*users, error) {
	all := &users{byName: make(map[string]int), byHash: make(map[[sha256.Size]byte]int)}
	for number := 1; len(b) > 0; number++ {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := all.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if len(all.list) == 0 {
		return nil, errors.New("has no line name:hash")
	}
	return all, nil
}

// add takes one line. Its errors do not repeat it: it may be a password in clear.
func (us *users) add(line []byte) error {
	name, hash, ok := bytes.Cut(line, []byte{':'})
	if !ok || !fitsField(name) {
		return errors.New("want name:hash")
	}
	u := user{name: string(name), hash: bytes.Clone(hash), slow: bytes.HasPrefix(hash, []byte("$2"))}
	if u.slow {
		cost, err := bcrypt.Cost(hash)
		if err != nil || len(hash) != 60 || cost > maxCost {
			return fmt.Errorf("the bcrypt hash is malformed, or its cost is above %d", maxCost)
		}
	} else {
		var sum [sha256.Size]byte
		if n, err := hex.Decode(sum[:], hash[:min(len(hash), 2*len(sum))]); err != nil || n != len(sum) || len(hash) != 2*len(sum) {
			return errors.New("the hash is neither bcrypt ($2y$..., htpasswd -B) nor the 64 hex digits of SHA-256")
		}
		if _, twice := us.byHash[sum]; twice {
			return errors.New("has the same hash as a line before: two names for one key")
		}
		u.hash, us.byHash[sum] = sum[:], len(us.list)
	}
	if _, twice := us.byName[u.name]; twice {
		return errors.New("has the same name as a line before")
	}
	us.byName[u.name] = len(us.list)
	us.list = append(us.list, u)
	return nil
}

// named finds a user. For an unknown name it gives some user whose hash is then compared in vain: always the same for
// the same name, so that a name costs what it would if it were known.
func (us *users) named(name []byte, s *seal) (u *user, known bool) {
	d := s.of(name)
	i, known := us.byName[string(name)]
	if !known {
		i = int(binary.BigEndian.Uint64(d[:]) % uint64(len(us.list)))
	}
	return &us.list[i], known
}

// quick compares with a hash of SHA-256, in constant time.
func (u *user) quick(password []byte) bool {
	sum := sha256.Sum256(password)
	return subtle.ConstantTimeCompare(sum[:], u.hash) == 1
}

// keyed finds the user of a key. The map's time depends on the key's hash alone, which tells nothing of the key.
func (us *users) keyed(credential []byte) (u *user, known bool) {
	sum := sha256.Sum256(credential)
	if i, ok := us.byHash[sum]; ok {
		return &us.list[i], us.list[i].quick(credential)
	}
	return nil, false
}
