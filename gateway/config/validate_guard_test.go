package config_test

import (
	"strings"
	"testing"
)

// The file is weir.yaml, with a backend at its top level.
func TestAuthenticationThatCannotBe(t *testing.T) {
	const (
		noKeys    = `there are no keys to check tokens by; write jwt-keys or jwt-jwks-url, or in a route that needs none jwt-keys: off`
		noService = `there is no service to ask; write auth-url, or in a route that needs none auth-url: off`
		nobody    = "no authentication is asked for; write jwt-keys, jwt-jwks-url, auth-url, api-keys or basic-users"
		empty     = "is empty, and would restrict nothing; give a value, unset it, or write off"
		keys      = "jwt-keys: k\njwt-algorithm: RS256\n"
	)
	for _, test := range []struct {
		name, file, flag, variable string
		want                       string // how the one line begins; "" if it is valid
	}{
		{"whole", keys + "jwt-issuer: i\njwt-header: sub X-User\n", "", "", ""},
		{"keys by a variable", "jwt-algorithm: RS256\n", "", "WEIR_JWT_KEYS=k", ""},
		{"by one that came empty", "jwt-algorithm: RS256\njwt-issuer: i\njwt-header: sub X-User\n", "", "WEIR_JWT_KEYS=", "WEIR_JWT_KEYS: " + empty},
		{"by a script's that came empty", "jwt-issuer: i\n", "--jwt-keys=", "", "--jwt-keys: " + empty},
		{"claims alone", "jwt-header: sub X-User\n", "", "", "weir.yaml:2: jwt-header: " + noKeys},
		{"endless tokens alone", "", "--jwt-endless", "", "--jwt-endless: " + noKeys},
		{"tokens beside a service", "auth-url: http://a\njwt-audience: a\n", "", "", "weir.yaml:3: jwt-audience: " + noKeys},
		{"no service", "auth-header: X-Team\n", "", "", "weir.yaml:2: auth-header: " + noService},
		{"a service that came empty", "auth-header: X-Team\n", "", "WEIR_AUTH_URL=", "WEIR_AUTH_URL: " + empty},
		{"no service to remember", "", "--auth-cache=5s", "", "--auth-cache: " + noService},
		{"nothing to leave out", "auth-optional: true\n", "", "", "weir.yaml:2: auth-optional: " + nobody},
		{"nothing to take out", "auth-strip: true\n", "", "", "weir.yaml:2: auth-strip: " + nobody},
		{"no users", "byte-rate-user: 1KiB/s\n", "", "", "weir.yaml:2: byte-rate-user: users are told apart by authentication, and none is asked for"},
		{"no claims", "hash-on: claim:sub\n", "", "", "weir.yaml:2: hash-on: claim:sub needs authentication"},
		{"no algorithm", "jwt-keys: k\n", "", "", "jwt-algorithm: no algorithm is named"},
		{"keys twice", keys + "jwt-jwks-url: https://a\n", "", "", "weir.yaml:4: jwt-jwks-url: keys come from a file already"},

		{"a route does without", keys + "jwt-header: sub X-User\nauth-optional: true\nauth-strip: true\nmessage-rate-user: 5/s\nroutes: [{match: {host: a}, jwt-keys: off}]\n", "", "", ""},
		{"a route does without a service", "auth-url: http://a\nauth-header: X-User\nroutes: [{match: {host: a}, auth-url: off}]\n", "", "", ""},
		{"all do without", keys + "jwt-header: sub X-User\n", "--jwt-keys=off", "", ""},
		{"a route's own lack", "routes:\n  - match: {host: a}\n    jwt-issuer: i\n", "", "", "weir.yaml:4: routes[0]: jwt-issuer: " + noKeys},
		{"told once", "jwt-issuer: i\nroutes: [{match: {host: a}}]\n", "", "", "weir.yaml:2: jwt-issuer: " + noKeys},

		{"algorithm", "jwt-keys: k\njwt-algorithm: RS255\n", "", "", `weir.yaml:3: jwt-algorithm: JWT: there is no algorithm "RS255"`},
		{"key set without TLS", "jwt-algorithm: RS256\njwt-jwks-url: http://issuer.example/\n", "", "", "weir.yaml:3: jwt-jwks-url: JWT: key set http://issuer.example/: over http"},
		{"secret from a URL", "jwt-algorithm: HS256\njwt-jwks-url: https://a\n", "", "", "weir.yaml:3: jwt-jwks-url: JWT: HS256 needs a secret"},
		{"place", keys + "jwt-from: x\njwt-header: sub X-User\n", "", "", "weir.yaml:4: jwt-from: "},
		{"claim", keys + "jwt-from: query:token\njwt-header: [sub X-User, X-User]\n", "", "", `weir.yaml:5: jwt-header: "X-User" is not 'CLAIM NAME'`},
		{"claim in a field of ours", keys + "jwt-header: sub Host\n", "", "", `weir.yaml:4: jwt-header: auth: "Host"`},
		{"service", "auth-url: foo\n", "", "", "weir.yaml:2: auth-url: forward auth: the URL is none of http or https"},
		{"service's answer", "auth-url: http://a\nauth-header: [X-A, Host]\n", "", "", `weir.yaml:3: auth-header: auth: "Host"`},
		{"service's user", "auth-url: http://a\nauth-user-header: X Y\n", "", "", `weir.yaml:3: auth-user-header: forward auth: "X Y"`},

		{"a rule on a claim", keys + "jwt-header: sub X-User\nrequest-header: ['set X-Team: a', 'add x_user: b']\n", "", "",
			"weir.yaml:5: request-header: x_user carries the verified identity (jwt-header); a rule cannot set it"},
		{"a rule on an answer", "auth-url: http://a\nauth-header: X-User\nrequest-header: 'set X-User: b'\n", "", "", "weir.yaml:4: request-header: X-User carries the verified identity (auth-header)"},
		{"a rule that takes away", keys + "jwt-header: sub X-User\nrequest-header: remove X-User\n", "", "", ""},
		{"a rule where nobody is asked", keys + "jwt-header: sub X-User\nroutes: [{match: {host: a}, jwt-keys: off, request-header: 'set X-User: guest'}]\n", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t, "upstream: ws://a\n"+test.file, strings.Fields(test.flag), []string{test.variable})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n")):
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// A top level that takes no requests itself holds what its routes have in common, which is whole only together with
// what is theirs.
func TestTopLevelOfRoutesNeedNotBeWhole(t *testing.T) {
	const common = `auth-optional: true
auth-strip: true
message-rate-user: 5/s
hash-on: claim:sub
jwt-algorithm: RS256
jwt-header: sub X-User
upstream-cert: c
max-frame-size: 2KiB
max-message-size: 1KiB
`
	const whole = "jwt-keys: k, upstream-key: u, max-message-size: 4KiB"
	for name, routes := range map[string]string{
		"backends in the routes": "routes: [{match: {host: a}, upstream: ws://a, " + whole + "}, {match: {host: b}, upstream: ws://b, " + whole + "}]\n",
		"the last takes all":     "upstream: ws://a\nroutes: [{match: {host: a}, " + whole + "}, {" + whole + "}]\n",
	} {
		if _, err := load(t, common+routes, nil, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := load(t, common+"upstream: ws://a\nroutes: [{match: {host: a}, "+whole+"}]\n", nil, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "weir.yaml:5: jwt-algorithm: there are no keys") {
		t.Errorf("the rest of the requests is let in: %v", err)
	}
	_, err = load(t, common+"routes:\n  - {match: {host: a}, upstream: ws://a, "+whole+"}\n  - {match: {host: b}, upstream: ws://b}\n", nil, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "weir.yaml:12: routes[1]: jwt-algorithm: there are no keys") {
		t.Errorf("a route that is not whole: %v", err)
	}
}
