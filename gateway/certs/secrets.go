package certs

import (
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"
)

const (
	secretsRenewed = 24 * time.Hour     // how often there is a new one
	secretsKept    = 7 * 24 * time.Hour // as long as a ticket may last (RFC 8446 section 4.6.1)
)

// Secrets are what the keys of session tickets are made of where no file gives them: a new one each day, each kept for a
// week. They outlive a Store: the next one, in this process or in its successor, goes on with them. Any goroutine.
type Secrets struct {
	mu   sync.Mutex
	list []secret // the newest first
}

type secret struct {
	Key  ticketKey `json:"key"`
	Made time.Time `json:"made"`
}

// keys are those to use at now, the sealing one first.
func (s *Secrets) keys(now time.Time) []ticketKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 || now.Sub(s.list[0].Made) >= secretsRenewed {
		fresh := secret{Made: now}
		_, _ = rand.Read(fresh.Key[:])
		s.list = append([]secret{fresh}, s.list...)
	}
	for n := len(s.list); n > 1 && now.Sub(s.list[n-1].Made) >= secretsKept+secretsRenewed; n-- {
		s.list = s.list[:n-1]
	}
	s.list = s.list[:min(len(s.list), maxTicketKeys)]
	keys := make([]ticketKey, len(s.list))
	for i := range s.list {
		keys[i] = s.list[i].Key
	}
	return keys
}

// MarshalJSON writes them for the successor of this process. They are secret.
func (s *Secrets) MarshalJSON() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.list)
}

// UnmarshalJSON takes those of the process before.
func (s *Secrets) UnmarshalJSON(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Unmarshal(b, &s.list)
}
