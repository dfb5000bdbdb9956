package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// filled are the knobs that restrict.
var filled = []string{"tls-client-ca", "origin", "allow", "allow-file", "deny", "deny-file", "jwt-keys", "jwt-jwks-url", "jwt-algorithm",
	"jwt-issuer", "jwt-audience", "jwt-from", "jwt-header", "auth-url", "api-keys", "basic-users", "upstream-ca"}

// TestWhatRestrictsIsNeverEmpty: nothing in it is an error with its place wherever it is given, and off is none.
func TestWhatRestrictsIsNeverEmpty(t *testing.T) {
	const problem = ": is empty, and would restrict nothing; give a value, unset it, or write off"
	for _, name := range filled {
		variable := "WEIR_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		type given struct {
			file, flag, variable string
			want                 string // the place
		}
		all := []given{
			{"", "--" + name + "=", "", "--" + name}, {"", "--" + name + "= ", "", "--" + name},
			{"", "", variable + "=", variable}, {"", "", variable + "=  ", variable},
			{name + ": ''\n", "", "", "weir.yaml:2: " + name},
		}
		if perRoute := name != "tls-client-ca"; perRoute {
			all = append(all, given{"routes:\n  - {match: {host: a}, " + name + ": ''}\n", "", "", "weir.yaml:3: routes[0]: " + name})
		}
		if list := slices.Contains([]string{"origin", "allow", "deny", "jwt-algorithm", "jwt-issuer", "jwt-audience", "jwt-from", "jwt-header"}, name); list {
			all = append(all, given{"", "--" + name + "=,", "", "--" + name}, given{"", "", variable + "= , ", variable},
				given{name + ": []\n", "", "", "weir.yaml:2: " + name}, given{name + ": ['', ' ']\n", "", "", "weir.yaml:2: " + name},
				given{"routes:\n  - {match: {host: a}, " + name + ": []}\n", "", "", "weir.yaml:3: routes[0]: " + name})
		}
		for _, g := range all {
			var flags []string
			if g.flag != "" {
				flags = []string{g.flag}
			}
			if _, err := load(t, "demo: true\n"+g.file, flags, []string{g.variable}); err == nil || err.Error() != g.want+problem {
				t.Errorf("%+v: %v", g, err)
			}
		}
		c, err := load(t, "demo: true\n"+name+": off\n", nil, nil)
		if err != nil || c.Networks() != nil {
			t.Errorf("%s: off: %v", name, err)
			continue
		}
		if auth, err := c.Auth(); auth != nil || err != nil {
			t.Errorf("%s: off asks for %+v, %v", name, auth, err)
		}
		if given := c.Given(); given[len(given)-1].Value != "off" {
			t.Errorf("%s: told as %+v", name, given)
		}
	}
}

func TestOffStandsAlone(t *testing.T) {
	const alone = ": off is the word for none and stands alone; take it away, or the rest"
	for given, want := range map[string]string{
		"allow: [10.0.0.0/8, off]\n": "weir.yaml:2: allow" + alone,
		"deny: off, off\n":           "weir.yaml:2: deny" + alone,
		"listen: 'off,:8080'\n":      "weir.yaml:2: listen" + alone,
	} {
		if _, err := load(t, "demo: true\n"+given, nil, nil); err == nil || err.Error() != want {
			t.Errorf("%q: %v", given, err)
		}
	}
	c, err := load(t, "demo: true\nallow-file: off\ndeny-file: ./off\nroutes: [{match: {host: a}, allow-file: x, deny-file: off}]\n", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.AllowFile != "" || c.DenyFile != "./off" || c.Routes[0].Config.AllowFile != "x" || c.Routes[0].Config.DenyFile != "" {
		t.Errorf("%q %q, in the route %q %q", c.AllowFile, c.DenyFile, c.Routes[0].Config.AllowFile, c.Routes[0].Config.DenyFile)
	}
}

// TestConditionsAreNeverEmpty: one that asks nothing would take every request.
func TestConditionsAreNeverEmpty(t *testing.T) {
	for _, name := range []string{"host", "path", "path-prefix", "path-regexp", "header", "query"} {
		for _, value := range []string{"''", "[]", "['']"} {
			_, err := load(t, "demo: true\nroutes:\n  - match: {"+name+": "+value+"}\n", nil, nil)
			if want := "weir.yaml:3: routes[0]: match: " + name + ": is empty, and would restrict nothing; give a value or take it away"; err == nil || err.Error() != want {
				t.Errorf("%s: %s: %v", name, value, err)
			}
		}
	}
	_, err := load(t, "sites:\n  - {server-name: '', client-auth: off, client-ca: ''}\n", strings.Fields("--demo --tls-listen=:443 --tls-cert=a --tls-key=b"), nil)
	want := []string{"weir.yaml:2: sites[0]: server-name: is empty", "weir.yaml:2: sites[0]: client-ca: is empty"}
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], want[0]) || !strings.HasPrefix(lines[1], want[1]) {
		t.Errorf("sites: %v", err)
	}
}
