package certs_test

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"weir/gateway/certs"
)

// oneSessionCache offers its last session to any name, as a client that means ill would.
type oneSessionCache struct{ last *tls.ClientSessionState }

func oneSession() *oneSessionCache                                       { return new(oneSessionCache) }
func (c *oneSessionCache) Get(string) (*tls.ClientSessionState, bool)    { return c.last, c.last != nil }
func (c *oneSessionCache) Put(_ string, session *tls.ClientSessionState) { c.last = session }

var bothVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// resumes dials and says whether the session in the client's cache was taken up.
func (s *server) resumes(t *testing.T, c *tls.Config) bool {
	t.Helper()
	conn, err := s.dial(t, c)
	ok(t, err)
	defer conn.Close()
	return conn.ConnectionState().DidResume
}

func TestTicketsOutliveReload(t *testing.T) {
	for _, keys := range []string{"", keyFile(t, newKey())} {
		for _, version := range bothVersions {
			ca := newAuthority(t, "ca")
			pair := ca.pair(t, order{names: []string{"a.test"}})
			store := newStore(t, certs.Options{Pairs: []certs.Pair{pair}, Tickets: true, TicketKeys: keys})
			s := serve(t, store.Config())
			client := &tls.Config{ServerName: "a.test", RootCAs: ca.pool, MaxVersion: version, ClientSessionCache: oneSession()}
			if s.resumes(t, client) {
				t.Fatal("the first connection resumed")
			}
			ca.replace(t, pair, order{names: []string{"a.test"}})
			ok(t, store.Reload())
			if !s.resumes(t, client) {
				t.Errorf("%s, keys %q: no resumption after the reload", tls.VersionName(version), keys)
			}
		}
	}
}

func TestNoTickets(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := serve(t, newStore(t, certs.Options{Pairs: []certs.Pair{ca.pair(t, order{names: []string{"a.test"}})}}).Config())
	for _, version := range bothVersions {
		cache := oneSession()
		client := &tls.Config{ServerName: "a.test", RootCAs: ca.pool, MaxVersion: version, ClientSessionCache: cache}
		if s.resumes(t, client); cache.last != nil || s.resumes(t, client) {
			t.Errorf("%s: a ticket came, want none", tls.VersionName(version))
		}
	}
}

// TestTicketsStayInTheirSite: a session of one site is nothing to another, though both trust the same authority.
func TestTicketsStayInTheirSite(t *testing.T) {
	t.Run("random keys", func(t *testing.T) { ticketsStayInTheirSite(t, "") })
	t.Run("key file", func(t *testing.T) { ticketsStayInTheirSite(t, keyFile(t, newKey())) })
}

func ticketsStayInTheirSite(t *testing.T, keys string) {
	ca := newAuthority(t, "ca")
	me := ca.client(t, order{cn: "me"})
	s := serve(t, newStore(t, certs.Options{
		Pairs:   []certs.Pair{ca.pair(t, order{names: []string{"*.test"}})},
		Tickets: true, TicketKeys: keys, ClientCA: ca.file,
		Sites: []certs.Site{
			{Names: []string{"one.test", "uno.test"}, ClientAuth: certs.Require},
			{Names: []string{"two.test"}, ClientAuth: certs.Require},
			{Names: []string{"ask.test"}, ClientAuth: certs.Ask},
		}}).Config())
	for _, version := range bothVersions {
		for _, c := range []struct {
			from, to string
			want     bool
		}{
			{"one.test", "one.test", true}, {"one.test", "uno.test", true}, {"one.test", "two.test", false},
			{"ask.test", "one.test", false}, {"plain.test", "one.test", false}, {"one.test", "plain.test", false},
			{"plain.test", "other.test", true},
		} {
			client := &tls.Config{RootCAs: ca.pool, MaxVersion: version, ClientSessionCache: oneSession(), Certificates: []tls.Certificate{me}}
			client.ServerName = c.from
			s.resumes(t, client)
			client.ServerName = c.to
			if got := s.resumes(t, client); got != c.want {
				t.Errorf("%s: %s resumes at %s: %v, want %v", tls.VersionName(version), c.from, c.to, got, c.want)
			}
		}
	}
}

// TestTicketsDieWithAuthority: who was verified by an authority no longer trusted is verified anew.
func TestTicketsDieWithAuthority(t *testing.T) {
	ca, next := newAuthority(t, "ca"), newAuthority(t, "next")
	file := filepath.Join(t.TempDir(), "clients.pem")
	write(t, file, ca.pem())
	store := newStore(t, certs.Options{Pairs: []certs.Pair{ca.pair(t, order{names: []string{"a.test"}})},
		Tickets: true, ClientAuth: certs.Require, ClientCA: file})
	s := serve(t, store.Config())
	client := &tls.Config{ServerName: "a.test", RootCAs: ca.pool, ClientSessionCache: oneSession(),
		Certificates: []tls.Certificate{ca.client(t, order{cn: "me"})}}
	if s.resumes(t, client); !s.resumes(t, client) {
		t.Fatal("no resumption before the change")
	}
	write(t, file, next.pem())
	ok(t, store.Reload())
	if _, err := s.dial(t, client); err == nil {
		t.Error("resumed under an authority that is gone")
	}
}

// TestTicketKeyFile: stores with one file take each other's sessions; keys come, seal, open and go.
func TestTicketKeyFile(t *testing.T) {
	ca := newAuthority(t, "ca")
	old, fresh := newKey(), newKey()
	mine, others := keyFile(t, old), keyFile(t, old)
	o := certs.Options{Pairs: []certs.Pair{ca.pair(t, order{names: []string{"a.test"}})}, Tickets: true, TicketKeys: mine}
	store := newStore(t, o)
	o.TicketKeys = others
	here, there := serve(t, store.Config()), serve(t, newStore(t, o).Config())
	client := &tls.Config{ServerName: "a.test", RootCAs: ca.pool, ClientSessionCache: oneSession()}
	if here.resumes(t, client); !there.resumes(t, client) {
		t.Error("a session made here does not resume there")
	}
	write(t, mine, []byte(fresh+"\n"+old+"\n"))
	ok(t, store.Reload())
	if !here.resumes(t, client) {
		t.Error("the old key no longer opens")
	}
	if there.resumes(t, client) { // whose ticket now is the fresh key's
		t.Error("the fresh key does not seal")
	}
	here.resumes(t, client)
	write(t, mine, []byte(newKey()+"\n"))
	ok(t, store.Reload())
	if here.resumes(t, client) {
		t.Error("a key that is gone still opens")
	}
}

func newKey() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func keyFile(t *testing.T, keys ...string) string {
	file := filepath.Join(t.TempDir(), "tickets")
	write(t, file, []byte(strings.Join(keys, "\n")))
	return file
}

func TestParseTicketKeys(t *testing.T) {
	key := certs.TicketKey([]byte("0123456789abcdef0123456789abcdef"))
	asHex, asBase64 := hex.EncodeToString(key[:]), base64.StdEncoding.EncodeToString(key[:])
	for _, c := range []struct {
		name, text string
		keys       int
		err        string
	}{
		{"hex", asHex, 1, ""},
		{"capital hex", strings.ToUpper(asHex) + "\r\n", 1, ""},
		{"base64", asBase64 + "\n", 1, ""},
		{"base64 without padding", strings.TrimRight(asBase64, "="), 1, ""},
		{"several, comment, blank", "# new\n" + asHex + "\n\n  " + asBase64 + "\n", 2, ""},
		{"nothing", " \n# none\n", 0, "no key"},
		{"short", "\n" + asHex[2:], 0, "line 2"},
		{"long", asHex + "00", 0, "line 1"},
		{"not hex", "x" + asHex[1:], 0, "line 1"},
		{"too many", strings.Repeat(asHex+"\n", 17), 0, "line 17"},
	} {
		keys, err := certs.ParseTicketKeys([]byte(c.text))
		if len(keys) != c.keys || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %d keys, error %v; want %d, %q", c.name, len(keys), err, c.keys, c.err)
		}
		for _, k := range keys {
			if k != key {
				t.Errorf("%s: wrong key", c.name)
			}
		}
		if err != nil && strings.Contains(err.Error(), asHex[2:20]) {
			t.Errorf("%s: the error shows the key: %v", c.name, err)
		}
	}
}

func FuzzParseTicketKeys(f *testing.F) {
	f.Add([]byte(newKey() + "\n# old\n" + newKey()))
	f.Add([]byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="))
	f.Add([]byte("\xff\x00\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := certs.ParseTicketKeys(b)
		if (err == nil) != (len(keys) > 0) || len(keys) > 16 {
			t.Fatalf("%d keys and error %v", len(keys), err)
		}
		var again strings.Builder
		for _, k := range keys {
			again.WriteString(hex.EncodeToString(k[:]) + "\n")
		}
		if err == nil {
			same, err := certs.ParseTicketKeys([]byte(again.String()))
			ok(t, err)
			for i := range keys {
				if same[i] != keys[i] {
					t.Fatalf("key %d changed when written again", i)
				}
			}
		}
	})
}
