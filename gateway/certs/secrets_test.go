package certs_test

import (
	"crypto/tls"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"weir/gateway/certs"
)

// A key seals for a day, opens for a week after, and is gone then.
func TestSecretsChangeDaily(t *testing.T) {
	s, began := new(certs.Secrets), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first := s.KeysAt(began)[0]
	for hour := range 24 * 20 {
		keys := s.KeysAt(began.Add(time.Duration(hour) * time.Hour))
		switch {
		case (keys[0] == first) != (hour < 24):
			t.Fatalf("hour %d: the first key seals: %t", hour, keys[0] == first)
		case slices.Contains(keys, first) != (hour < 24*8):
			t.Fatalf("hour %d: the first key opens: %t", hour, slices.Contains(keys, first))
		case len(keys) > 9:
			t.Fatalf("hour %d: %d keys", hour, len(keys))
		}
	}
}

// A Store that follows another, here or in the next process, takes its sessions.
func TestSecretsPassedOn(t *testing.T) {
	ca := newAuthority(t, "ca")
	mine, theirs := new(certs.Secrets), new(certs.Secrets)
	o := certs.Options{Pairs: []certs.Pair{ca.pair(t, order{names: []string{"a.test"}})}, Tickets: true, Secrets: mine}
	here := serve(t, newStore(t, o).Config())
	text, err := json.Marshal(mine)
	ok(t, err)
	ok(t, json.Unmarshal(text, theirs))
	same := serve(t, newStore(t, o).Config())
	o.Secrets = theirs
	there := serve(t, newStore(t, o).Config())
	o.Secrets = nil
	stranger := serve(t, newStore(t, o).Config())
	for name, to := range map[string]struct {
		server *server
		want   bool
	}{"the next store": {same, true}, "the next process": {there, true}, "a stranger": {stranger, false}} {
		client := &tls.Config{ServerName: "a.test", RootCAs: ca.pool, ClientSessionCache: oneSession()}
		here.resumes(t, client)
		if got := to.server.resumes(t, client); got != to.want {
			t.Errorf("a session resumes at %s: %t", name, got)
		}
	}
}
