package certs

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/internal/watch"
)

// ticketKey is a secret that session tickets are sealed with.
type ticketKey [32]byte

// maxTicketKeys bounds the work that a ticket of an unknown key costs.
const maxTicketKeys = 16

func ticketSource(file string) *watch.Files[[]ticketKey] {
	return &watch.Files[[]ticketKey]{What: "ticket keys " + file, Names: []string{file}, Max: maxFile,
		Parse: func(content [][]byte) ([]ticketKey, error) { return parseTicketKeys(content[0]) }}
}

// parseTicketKeys reads a ticket key file: a key of 32 bytes on each line, as 64 hex digits or in base64. The first
// seals, all open; so a new key goes to the top, and the last is dropped once its tickets are over (7 days). Empty
// lines and lines that begin with # are skipped. Errors name the line and never its content.
func parseTicketKeys(b []byte) ([]ticketKey, error) {
	var keys []ticketKey
	number := 0
	for line := range bytes.Lines(b) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if len(keys) == maxTicketKeys {
			return nil, fmt.Errorf("line %d: more than %d keys; drop the oldest", number, maxTicketKeys)
		}
		raw, err := decodeKey(text)
		if err != nil || len(raw) != len(ticketKey{}) {
			return nil, fmt.Errorf("line %d: want 32 bytes as hex or base64, such as openssl rand -hex 32 prints", number)
		}
		keys = append(keys, ticketKey(raw))
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it: want one a line, such as openssl rand -hex 32 prints")
	}
	return keys, nil
}

func decodeKey(text string) ([]byte, error) {
	if len(text) == hex.EncodedLen(len(ticketKey{})) {
		return hex.DecodeString(text)
	}
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
}

// rings hold the keys of each site, by what identifies the site's rules. A ring is a tls.Config of which nothing but
// its ticket keys is used.
type rings map[string]*tls.Config

// renew is the rings of the given sites with these keys, the old ones where there are.
func (r rings) renew(ids []string, keys []ticketKey) rings {
	next := make(rings, len(ids))
	for _, id := range ids {
		ring := r[id]
		if ring == nil {
			ring = new(tls.Config)
		}
		ring.SetSessionTicketKeys(derive(keys, id))
		next[id] = ring
	}
	return next
}

// ticketKeys are those of the file, or made of secrets.
func (s *Store) ticketKeys() []ticketKey {
	if s.keys != nil {
		return s.keys.Value()
	}
	return s.options.Secrets.keys(time.Now())
}

// renewTickets has sites take the day's new key.
func (s *Store) renewTickets() {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.lock.Lock()
			s.view.Store(s.build())
			s.lock.Unlock()
		case <-s.ctx.Done():
			return
		}
	}
}

// derive makes a site's keys, the same in every process with the same secrets and rules.
func derive(keys []ticketKey, id string) [][32]byte {
	out := make([][32]byte, len(keys))
	for i := range keys {
		k, err := hkdf.Key(sha256.New, keys[i][:], nil, "weir session tickets\x00"+id, len(out[i]))
		if err != nil {
			panic(err) // only for a length beyond 255 hashes
		}
		out[i] = [32]byte(k)
	}
	return out
}
