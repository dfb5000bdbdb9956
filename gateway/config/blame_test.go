package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"weir/internal/watch"
)

// What is wrong with a value is told with the place where it was given, however it comes to be known.
func TestBlame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.yaml")
	text := `upstream: ws://a
tls-listen: :443
tls-cert: [one.pem, two.pem]
tls-key: [one.key, two.key]
deny-file: deny
sites:
- server-name: a.test
  client-auth: ask
  client-ca: ca.pem
routes:
- name: chat
  match: {path: /chat}
  upstream-ca: own.pem
- name: rest
  match: {path: /rest}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{"--config", path, "--upstream-ca=all.pem"}, []string{"WEIR_TLS_TICKET_KEYS=tickets"})
	if err != nil {
		t.Fatal(err)
	}
	of := func(file string) error { return &watch.Error{What: "what", File: file, Err: errors.New("bad")} }
	for _, test := range []struct {
		got  error
		want string
	}{
		{c.Blame(of("two.pem")), path + ":3: tls-cert: two.pem: bad"},
		{c.Blame(of("tickets")), "WEIR_TLS_TICKET_KEYS: tickets: bad"},
		{c.Blame(of("ca.pem")), path + ":9: sites[0]: client-ca: ca.pem: bad"},
		{c.Blame(of("unknown")), "what: bad"},
		{c.Blame(&KnobError{"listen", errors.New("taken")}), "listen: taken"},
		{c.Routes[0].Blame(&KnobError{"upstream-ca", errors.New("own.pem is bad")}), path + ":13: routes[0]: upstream-ca: own.pem is bad"},
		{c.Routes[1].Blame(&KnobError{"upstream-ca", errors.New("all.pem is bad")}), "--upstream-ca: all.pem is bad"},
		{c.Routes[1].Blame(errors.Join(of("deny"), errors.New("odd"))), path + ":5: deny-file: deny: bad\n" + path + ":14: routes[1]: odd"},
		{c.Routes[2].Blame(errors.New("odd")), "route default: odd"},
	} {
		if test.got == nil || test.got.Error() != test.want {
			t.Errorf("got  %v\nwant %s", test.got, test.want)
		}
	}
	if err := c.Blame(nil); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
}

// However an address is written, what is bound is the same.
func TestBound(t *testing.T) {
	for addr, want := range map[string]string{":80": "[::]:80", "[::]:80": "[::]:80", "[0:0::0]:80": "[::]:80", "0.0.0.0:80": "0.0.0.0:80", "[::ffff:10.0.0.1]:80": "10.0.0.1:80",
		"LocalHost:80": "localhost:80", "unix:/a//b": "unix:/a/b"} {
		if got := Bound(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
