package config_test

import (
	"slices"
	"strings"
	"testing"
)

// TestWarnings: what is legal and hardly meant is told with its place, once, and nothing else is.
func TestWarnings(t *testing.T) {
	const tls = "--tls-listen=:443 --tls-cert=a --tls-key=b"
	const large = ": sessions with a message of more than 1MiB are closed with 1009, because max-message-size sets no other limit"
	const open = " after it leads to the same backend without one: a path that only the backend reads as one of "
	const past = " would bypass the check. Use different backends for the two, or let the backend check the credential"
	for _, test := range []struct {
		name, file, flags string
		want              []string // less "weir.yaml:"
	}{
		{"nothing", "ping-interval: 30s\n", tls, nil},
		{"pings too late", "ping-interval: 2h\n", "", []string{"2: ping-interval: 2h is not below idle-timeout (1h): a silent session is closed before it is pinged"}},
		{"backends' pings too late", "idle-timeout: 1m\nbackend-ping-interval: 1m\n", "", []string{"3: backend-ping-interval: 1m is not below idle-timeout (1m): a silent session is closed before its backend is pinged"}},
		{"pings for ever", "idle-timeout: 0\nping-interval: 2h\n", "", nil},
		{"a route's pings", "ping-interval: 30s\nroutes: [{match: {host: a}, idle-timeout: 20s}, {match: {host: b}}]\n", "", []string{
			"3: routes[0]: ping-interval: 30s is not below idle-timeout (20s): a silent session is closed before it is pinged"}},
		{"told once", "ping-interval: 2h\nroutes: [{match: {host: a}}]\n", "", []string{"2: ping-interval: 2h is not below idle-timeout (1h): a silent session is closed before it is pinged"}},
		{"cookies in clear", "sticky-cookie: c\nsticky-same-site: none\n", "", []string{
			"3: sticky-same-site: browsers accept a cookie of none only over TLS; there is no tls-listen, and no proxy in trusted-proxies that could end TLS"}},
		{"cookies over TLS", "sticky-cookie: c\nsticky-same-site: none\n", tls, nil},
		{"cookies behind a proxy", "sticky-cookie: c\nsticky-same-site: none\n", "--trusted-proxies=10.0.0.1", nil},
		{"no cookies", "sticky-same-site: none\n", "", nil},
		{"everybody is believed", "trusted-proxies: [10.0.0.0/8, 0.0.0.0/0]\n", "", []string{
			"2: trusted-proxies: 0.0.0.0/0 includes every client: any client could claim any address and bypass allow, deny and limits per address"}},
		{"everybody by IPv6", "trusted-proxies: '::/0'\n", "", []string{
			"2: trusted-proxies: ::/0 includes every client: any client could claim any address and bypass allow, deny and limits per address"}},
		{"authorities of nobody", "tls-client-ca: ca\n", tls, []string{"2: tls-client-ca: is of no use: tls-client-auth asks no client for a certificate, and no site does"}},
		{"authorities of a site", "tls-client-ca: ca\nsites: [{server-name: a, client-auth: ask}]\n", tls, nil},
		{"large messages", "compression: gateway\nmessages: json\n", "", []string{"2: compression" + large, "3: messages" + large}},
		{"large messages with a limit", "compression: gateway\nmax-message-size: 2MiB\n", "", nil},
		{"a route's large messages", "routes:\n  - {match: {host: a}, compression: gateway}\n", "", []string{"3: routes[0]: compression" + large}},
		{"a unix socket of loops", "loop-file-tables: true\nlisten: unix:/a\n", "", []string{"2: loop-file-tables: one loop alone serves a unix socket, as no socket can be in two file tables"}},
		{"an open route behind a guarded one", "routes:\n  - {name: a, match: {path: /a}, api-keys: k}\n  - {name: b, match: {path: /b}, upstream: 'ws://b'}\n  - {match: {path: /c}, api-keys: k}\n", "", []string{
			"3: routes[0]: match: route a requires a credential, but route default" + open + "a" + past, "5: routes[2]: match: route route-3 requires a credential, but route default" + open + "route-3" + past}},
		{"an open route in front", "api-keys: k\nroutes:\n  - {name: a, match: {path: /a}, api-keys: off}\n", "", nil},
		{"an open route with a backend of its own", "routes:\n  - {match: {path: /a}, upstream: 'ws://a', api-keys: k}\n  - {match: {path: /b}}\n", "", nil},
		{"an open route with the same backend in another way", "routes:\n  - {name: a, match: {path: /a}, upstream: 'ws://a:80', api-keys: k}\n  - {name: b, match: {path: /b}, upstream: 'ws://c', http-upstream: 'h2c://a#weight=2'}\n", "", []string{
			"3: routes[0]: match: route a requires a credential, but route b" + open + "a" + past}},
		{"routes behind others", "routes:\n  - {name: a, match: {host: '*.a'}}\n  - {match: {path: /x}}\n  - name: c\n    match: {host: b.a, path: /y}\n", "", []string{
			"5: routes[2]: match: route c is never taken: a before it takes all its requests"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(t, "demo: true\n"+test.file, strings.Fields(test.flags), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Clone(test.want)
			for i := range want {
				want[i] = "weir.yaml:" + want[i]
			}
			if got := c.Warnings(); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
