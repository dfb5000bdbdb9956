package certs_test

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/gateway/certs"
)

// TestNewSaysWhatIsWrong: each error names the file and what to do.
func TestNewSaysWhatIsWrong(t *testing.T) {
	ca := newAuthority(t, "ca")
	dir := t.TempDir()
	good := ca.pair(t, order{names: []string{"a.test"}})
	other := ca.pair(t, order{names: []string{"b.test"}})
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		write(t, name, []byte(text))
		return name
	}
	text := file("text.pem", "hello")
	locked := file("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	large := file("large.pem", strings.Repeat("x", 1<<20+1))
	broken := file("broken.pem", string(ca.pem())+"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	leaf, err := os.ReadFile(good.Cert)
	ok(t, err)
	chain := file("chain.pem", string(ca.pem())+string(leaf))
	absent := filepath.Join(dir, "absent.pem")
	nameless := ca.pair(t, order{cn: "b.test"})

	with := func(change func(*certs.Options)) certs.Options {
		o := certs.Options{Pairs: []certs.Pair{good}}
		change(&o)
		return o
	}
	pairs := func(p ...certs.Pair) certs.Options { return certs.Options{Pairs: p} }
	site := func(s certs.Site) certs.Options {
		return with(func(o *certs.Options) { o.Sites = []certs.Site{s} })
	}
	for _, c := range []struct {
		name string
		o    certs.Options
		want []string
	}{
		{"nothing", certs.Options{}, []string{"needs a certificate"}},
		{"no file", pairs(certs.Pair{Cert: absent, Key: good.Key}), []string{absent, "check the path"}},
		{"directory", pairs(certs.Pair{Cert: dir, Key: good.Key}), []string{dir}},
		{"no PEM", pairs(certs.Pair{Cert: text, Key: good.Key}), []string{text, "no CERTIFICATE block"}},
		{"swapped", pairs(certs.Pair{Cert: good.Key, Key: good.Cert}), []string{good.Key, "no CERTIFICATE block"}},
		{"no key", pairs(certs.Pair{Cert: good.Cert, Key: text}), []string{text, "no PRIVATE KEY block"}},
		{"passphrase", pairs(certs.Pair{Cert: good.Cert, Key: locked}), []string{locked, "passphrase"}},
		{"other key", pairs(certs.Pair{Cert: good.Cert, Key: other.Key}), []string{good.Cert, other.Key, "does not match", "same renewal"}},
		{"wrong order", pairs(certs.Pair{Cert: chain, Key: good.Key}), []string{"wrong order", "certificate 2 of it"}},
		{"too large", pairs(certs.Pair{Cert: large, Key: good.Key}), []string{large, "larger than"}},
		{"second without names", pairs(good, nameless), []string{nameless.Cert, "subject alternative name"}},
		{"all at once", pairs(certs.Pair{Cert: absent, Key: good.Key}, certs.Pair{Cert: text, Key: text}), []string{absent, text}},
		{"versions", with(func(o *certs.Options) { o.MinVersion, o.MaxVersion = tls.VersionTLS13, tls.VersionTLS12 }), []string{"TLS 1.3"}},
		{"auth without authorities", with(func(o *certs.Options) { o.ClientAuth = certs.Ask }), []string{"without a file of authorities"}},
		{"auth out of range", with(func(o *certs.Options) { o.ClientAuth = 9 }), []string{"no mode 9"}},
		{"site without names", site(certs.Site{}), []string{"site 1"}},
		{"site without authorities", site(certs.Site{Names: []string{"s.test"}, ClientAuth: certs.Require}), []string{"s.test", "authorities"}},
		{"site twice", site(certs.Site{Names: []string{"s.test", "S.test"}}), []string{"s.test", "twice"}},
		{"site address", site(certs.Site{Names: []string{"::1"}}), []string{"address"}},
		{"site pattern", site(certs.Site{Names: []string{"a.*.test"}}), []string{"a.*.test", "host name"}},
		{"authorities empty", site(certs.Site{Names: []string{"s.test"}, ClientAuth: certs.Ask, ClientCA: text}), []string{text, "no CERTIFICATE block"}},
		{"authorities broken", site(certs.Site{Names: []string{"s.test"}, ClientAuth: certs.Ask, ClientCA: broken}), []string{broken, "certificate 2"}},
		{"ticket keys", with(func(o *certs.Options) { o.Tickets, o.TicketKeys = true, text }), []string{text, "line 1"}},
		{"ACME wildcard", certs.Options{ACME: &certs.ACME{Domains: []string{"*.test"}, Storage: dir}}, []string{"*.test", "wildcard"}},
		{"ACME nowhere", certs.Options{ACME: &certs.ACME{Domains: []string{"a.test"}}}, []string{"storage folder"}},
		{"ACME storage", certs.Options{ACME: &certs.ACME{Domains: []string{"a.test"}, Storage: text}}, []string{text}},
		{"ACME authority", certs.Options{ACME: &certs.ACME{Domains: []string{"a.test"}, Storage: dir, CA: absent}}, []string{absent}},
		{"ACME listener", certs.Options{ACME: &certs.ACME{Domains: []string{"a.test"}, Storage: dir, Listen: "443"}}, []string{"listener"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := certs.New(c.o)
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestExpiredIsAWarning(t *testing.T) {
	ca := newAuthority(t, "ca")
	n := newNews(t)
	pair := ca.pair(t, order{names: []string{"a.test"}, until: -time.Minute})
	store := newStore(t, certs.Options{Pairs: []certs.Pair{pair}, OnReload: n.add})
	if i := n.next(); !errors.Is(i.err, certs.ErrExpired) || !strings.Contains(i.what, pair.Cert) {
		t.Errorf("OnReload(%q, %v), want ErrExpired", i.what, i.err)
	}
	n.wantNone()
	serve(t, store.Config()).wantNames(t, "a.test", "a.test")
}

// TestReload: what is good is taken, what fails stays as it was, and both are told.
func TestReload(t *testing.T) {
	ca := newAuthority(t, "ca")
	n := newNews(t)
	one, two := ca.pair(t, order{names: []string{"one.test"}}), ca.pair(t, order{names: []string{"two.test"}})
	store := newStore(t, certs.Options{Pairs: []certs.Pair{one, two}, OnReload: n.add})
	s := serve(t, store.Config())
	n.wantNone()
	standing, err := s.dial(t, &tls.Config{ServerName: "one.test", RootCAs: ca.pool})
	ok(t, err)

	ok(t, store.Reload())
	n.wantNone() // nothing changed

	ca.replace(t, one, order{names: []string{"uno.test"}})
	write(t, two.Key, []byte("half"))
	err = store.Reload()
	if err == nil || !strings.Contains(err.Error(), two.Key) || strings.Contains(err.Error(), one.Cert) {
		t.Errorf("Reload: %v, want an error of the second pair alone", err)
	}
	if i := n.next(); i.err != nil || !strings.Contains(i.what, one.Cert) {
		t.Errorf("OnReload(%q, %v), want the first pair taken", i.what, i.err)
	}
	if i := n.next(); i.err == nil || !strings.Contains(i.what, two.Cert) {
		t.Errorf("OnReload(%q, %v), want the second pair failed", i.what, i.err)
	}
	s.wantNames(t, "uno.test", "uno.test")
	s.wantNames(t, "one.test", "uno.test") // gone, so the default
	s.wantNames(t, "two.test", "two.test")
	ok(t, ping(standing))

	ok(t, os.Remove(one.Cert))
	if err := store.Reload(); err == nil || !strings.Contains(err.Error(), one.Cert) || !strings.Contains(err.Error(), two.Key) {
		t.Errorf("Reload: %v, want both failures", err)
	}
	s.wantNames(t, "uno.test", "uno.test")
}

// TestWatch changes files below a running Store: a torn write, a long fault, a swapped link.
func TestWatch(t *testing.T) {
	ca := newAuthority(t, "ca")
	n := newNews(t)
	root := t.TempDir()
	link := filepath.Join(root, "current")
	version := func(name string) string { // a folder as a mounted secret has it
		dir := filepath.Join(root, name)
		ok(t, os.Mkdir(dir, 0o700))
		ca.replace(t, certs.Pair{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}, order{names: []string{name + ".test"}})
		return dir
	}
	swap := func(dir string) {
		ok(t, os.Symlink(dir, link+".new"))
		ok(t, os.Rename(link+".new", link))
	}
	swap(version("v1"))
	pair := certs.Pair{Cert: filepath.Join(link, "tls.crt"), Key: filepath.Join(link, "tls.key")}
	store := newStore(t, certs.Options{Pairs: []certs.Pair{pair}, OnReload: n.add, ReloadInterval: 10 * time.Millisecond})
	store.Start()
	s := serve(t, store.Config())
	s.wantNames(t, "", "v1.test")

	swap(version("v2"))
	for i := n.next(); i.err != nil; i = n.next() { // a look may fall between the two files
	}
	s.wantNames(t, "", "v2.test")

	cert, key := ca.issue(t, order{names: []string{"v3.test"}})
	write(t, pair.Cert, cert) // the key still is the old one
	if i := n.next(); i.err == nil {
		t.Error("a half-written pair was taken")
	}
	s.wantNames(t, "", "v2.test")
	time.Sleep(50 * time.Millisecond) // some looks at the same fault
	n.wantNone()
	write(t, pair.Key, key)
	if i := n.next(); i.err != nil {
		t.Errorf("the whole pair was not taken: %v", i.err)
	}
	s.wantNames(t, "", "v3.test")

	store.Close()
	store.Close()
	ca.replace(t, pair, order{names: []string{"v4.test"}})
	time.Sleep(30 * time.Millisecond)
	n.wantNone()
	s.wantNames(t, "", "v3.test")
}

// TestReloadUnderLoad is for the race detector.
func TestReloadUnderLoad(t *testing.T) {
	ca := newAuthority(t, "ca")
	pair := ca.pair(t, order{names: []string{"a.test"}})
	store := newStore(t, certs.Options{Pairs: []certs.Pair{pair}, Tickets: true})
	s := serve(t, store.Config())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			ca.replace(t, pair, order{names: []string{"a.test"}})
			if err := store.Reload(); err != nil {
				t.Error(err)
			}
			store.Expiries()
		}
	}()
	cache := tls.NewLRUClientSessionCache(1)
	for range 40 {
		_, err := s.dial(t, &tls.Config{ServerName: "a.test", RootCAs: ca.pool, ClientSessionCache: cache})
		ok(t, err)
	}
	<-done
}

func TestExpiries(t *testing.T) {
	ca := newAuthority(t, "ca")
	store := newStore(t, certs.Options{Pairs: []certs.Pair{
		ca.pair(t, order{names: []string{"b.test", "c.test"}, until: 3 * time.Hour}),
		ca.pair(t, order{names: []string{"b.test"}, until: 2 * time.Hour, key: rsaKey(t)}),
		ca.pair(t, order{names: []string{"a.test"}, until: time.Hour}),
	}})
	got := store.Expiries()
	if len(got) != 2 || got[0].Name != "a.test" || got[1].Name != "b.test" {
		t.Fatalf("%v, want a.test and b.test", got)
	}
	for i, want := range []time.Duration{time.Hour, 2 * time.Hour} {
		if off := time.Until(got[i].NotAfter) - want; off < -time.Minute || off > time.Minute {
			t.Errorf("%s ends in %v, want about %v", got[i].Name, time.Until(got[i].NotAfter), want)
		}
	}
}
