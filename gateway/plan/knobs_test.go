package plan

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/gateway/observe"
)

// otherValues has for each knob another value than that of the test, and what is made anew for it besides the route, which is
// for every knob that a route may have for itself. Of the rest, "live" is read from the plan in force whenever it counts,
// "restart" counts at the next start alone, and "acme" belongs to the certificates where there is a domain.
// $NAME is a file.
const otherValues = `
config-watch: 5s                         live
listen: 127.0.0.1:0,127.0.0.1:0          listeners
tls-listen: 127.0.0.1:0,127.0.0.1:0      listeners
unix-mode: 0600                          restart
admin: 127.0.0.1:9                       restart
upstream: ws://127.0.0.1:7               fleet
upstream-file: $backends                 fleet
loops: 1                                 restart
loop-file-tables: true                   restart

tls-cert: $cert2                         certs
tls-key: $key2                           certs
tls-min-version: 1.3                     certs
tls-max-version: 1.2                     certs
tls-ciphers: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 certs
tls-curves: X25519                       certs
tls-alpn: http/1.1                       certs
tls-unknown-name: reject                 certs
tls-client-auth: ask                     certs
tls-client-ca: $cert2                    certs
tls-client-header: X-Client              live
tls-tickets: false                       certs
tls-ticket-keys: $tickets                certs
tls-handshakes: 7                        restart
tls-reload-interval: 7s                  certs
require-tls: refuse
acme-domain: b.test                      acme
acme-directory: https://127.0.0.1:9/     acme
acme-email: a@b.test                     acme
acme-storage: $other                     acme
acme-ca: $cert2                          acme

trusted-proxies: 10.0.0.0/8              live
proxy-protocol: true                     live
forwarded-standard: true

origin: https://a.test                   gate
origin-required: true                    gate
allow: 127.0.0.0/8                       gate networks
allow-file: $list                        gate networks
deny: 192.0.2.0/24                       gate networks
deny-file: $list                         gate networks
reload-interval: 7s                      live

jwt-keys: $public,,jwt-jwks-url=off      auth gate
jwt-jwks-url: http://127.0.0.1:9/        auth gate
jwt-algorithm: ES384                     auth gate
jwt-issuer: us                           auth gate
jwt-audience: us                         auth gate
jwt-leeway: 7s                           auth gate
jwt-endless: true                        auth gate
jwt-from: cookie:t                       auth gate
jwt-header: sub_X-User                   auth gate
auth-url: http://127.0.0.1:9/b           auth gate
auth-timeout: 7s                         auth gate
auth-cache: 7s                           auth gate
auth-header: X-Answer                    auth gate
auth-user-header: X-Name                 auth gate
api-keys: $users2                        auth gate
basic-users: $users2                     auth gate
auth-optional: true                      auth gate
auth-preflight: check
auth-strip: true
auth-refusal: close
auth-missing-code: 4777
auth-invalid-code: 4777
auth-unavailable-code: 4777
auth-expired-code: 4777
auth-failure-rate: 7/s                   restart

connection-rate: 7/s                     newcomers
message-rate: 7/s                        meter
message-rate-user: 7/s                   meter
message-rate-ip: 7/s                     meter
message-rate-route: 7/s                  meter
frame-rate: 7/s                          meter
byte-rate: 7/s                           meter
byte-rate-user: 7/s                      meter
byte-rate-ip: 7/s                        meter
byte-rate-route: 7/s                     meter
rate-action: pause                       meter
rate-code: 3777
ipv6-prefix: 56                          restart
rate-table: 7000                         meter newcomers route

hash-on: path
balance: least                           fleet
balance-factor: 2                        fleet
slow-start: 7s                           fleet
priority-threshold: 7                    fleet
zone: z                                  fleet route
connect-retries: 7                       fleet
panic: false                             fleet
dns-interval: 7s                         fleet route
dns-family: ipv4                         fleet route
dns-min-ttl: 7s                          fleet route
kubeconfig: $users2                      live
empty-hold: 7s                           fleet route

on-backend-loss: reopen
reopen-wait: 7s
reopen-notice: moved
reopen-header: X-Moved
endpoint-drain: 7s
rebalance: 7%/min,,on-backend-loss=reopen
rebalance-within: 7
sticky-cookie: seat                      gate
sticky-ttl: 7s
sticky-same-site: strict
sticky-key: 0123456789abcdef             route

health: tcp                              fleet
health-path: /well                       fleet
health-status: 204                       fleet
health-header: X-Check:_me               fleet
health-port: 7                           fleet
health-interval: 7h                      fleet
health-timeout: 7s                       fleet
health-rise: 7                           fleet
health-fall: 7                           fleet
outlier: false                           fleet
outlier-ratio: 7                         fleet
outlier-min: 7                           fleet
outlier-window: 7s                       fleet
outlier-early: 7s                        fleet
outlier-eject: 7s                        fleet
outlier-max: 7                           fleet

pool-min: 7                              fleet
pool-max-streams: 7                      fleet
pool-idle: 7s                            fleet
pool-ping-interval: 7s                   fleet
pool-ping-timeout: 7s                    fleet
pool-spread: 7s                          fleet

upstream-ca: $cert2                      fleet
upstream-cert: $cert2                    fleet
upstream-key: $key2                      fleet
upstream-server-name: b.test             fleet
upstream-skip-verify: true               fleet

http: false                              certs transports http_fleet
http-upstream: ws://127.0.0.1:7          http_fleet
http-timeout: 7s                         transports
http-idle-timeout: 7s                    restart
max-http-connections: 7                  restart
http-min-rate: 7                         restart
http-half-close: cut                     restart
path-rewrite: ^/a$_/b
path-encoded: pass
upgrade-other: tcp

handshake-timeout: 7s                    restart
connect-timeout: 7s                      fleet transports
backend-timeout: 7s                      fleet
idle-timeout: 7s
ping-interval: 7s
pong-timeout: 7s
backend-ping-interval: 7s
slow-reader-timeout: 7s
gather-timeout: 7s
close-timeout: 7s
reload-drain: 7s                         live
drain-timeout: 7s                        live
upgrade-drain: 7s                        live

max-connections: 700                     live
max-connections-per-ip: 7                live
max-requests: 7                          live
max-requests-per-ip: 7                   live
max-header-size: 7KiB                    restart
max-path-length: 777                     restart
max-header-fields: 77                    restart
max-message-size: 7KiB
max-frame-size: 7KiB
high-water: 7MiB                         route
gather-memory: 7MiB                      live
low-water: 7KiB                          restart
read-buffer: 7KiB                        restart

messages: text
validate-utf8: true
compression: off
compression-level: 6
compression-threshold: 7
compression-window: 9
extensions: pass
slow-reader: close
drain-code: 1012                         live
backend-lost-code: 3777
slow-reader-code: 3777
gather-memory-code: 3777

request-header: set_X-A:_b
response-header: set_X-A:_b
forwarded: false
endpoint-header: X-Endpoint
upstream-host: b.test                    fleet

tcp-nodelay: false                       restart
tcp-keepalive: 7s                        restart
tcp-user-timeout: 7s                     restart
tcp-notsent-lowat: 7KiB                  restart
backlog: 7                               restart
defer-accept: 7s                         restart
access-log: json                         restart
access-log-sample: 7                     live
log-level: debug                         live
metrics-push-url: http://127.0.0.1:9/    restart
metrics-push-interval: 7s                restart
metrics-push-labels: a="b"               restart
admin-token: secret                      live
`

// otherValue is a line of otherValues.
type otherValue struct {
	flags []string
	parts []string
}

func readOtherValues(t *testing.T, files *strings.Replacer) map[string]otherValue {
	all := map[string]otherValue{}
	for line := range strings.Lines(otherValues) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		words := strings.Fields(rest)
		var v otherValue
		value, more, _ := strings.Cut(words[0], ",,")
		v.flags = []string{"--" + name + "=" + files.Replace(strings.ReplaceAll(value, "_", map[bool]string{true: "_", false: " "}[name == "tls-ciphers"]))}
		if more != "" {
			v.flags = append(v.flags, "--"+more)
		}
		for _, part := range words[1:] {
			v.parts = append(v.parts, strings.ReplaceAll(part, "_", " "))
		}
		if _, twice := all[name]; twice {
			t.Errorf("%s stands twice", name)
		}
		all[name] = v
	}
	return all
}

// partsOf are what a plan is made of, as its first route sees it.
func partsOf(p *Plan) map[string]any {
	r := p.Routes[0]
	parts := map[string]any{"route": r, "fleet": r.Fleet, "transports": r.transports, "gate": r.Gate, "networks": r.Gate.networks, "auth": r.Gate.Auth,
		"meter": r.Meter, "certs": p.Certs, "newcomers": p.handshakeRate, "listeners": fmt.Sprint(p.Addresses())}
	if r.httpFleet != r.Fleet {
		parts["http fleet"] = r.httpFleet
	}
	return parts
}

// Every knob that another configuration changes is told of, and has what is made of it made anew, and nothing else. A knob that
// is new in the configuration has to be added to otherValues.
func TestEachKnob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key, public := selfSigned(t)
	one := []any{file("cert", cert), file("key", key)}
	users := "ada:" + strings.Repeat("ab", 32) + "\n"
	files := strings.NewReplacer("$cert2", file("cert2", cert), "$key2", file("key2", key), "$list", file("list", "127.0.0.1\n"),
		"$users2", file("users2", users), "$backends", file("backends", "- ws://127.0.0.1:8\n"), "$tickets", file("tickets", strings.Repeat("ab", 32)+"\n"), "$other", dir, "$public", file("keys", public))
	base := file("weir.yaml", fmt.Sprintf(`
admin: 127.0.0.1:0
listen: 127.0.0.1:0
tls-listen: 127.0.0.1:0
tls-cert: %[1]s
tls-key: %[2]s
tls-client-ca: %[1]s
upstream-cert: %[1]s
upstream-key: %[2]s
loops: 2
access-log: off
trusted-proxies: 192.0.2.1
jwt-jwks-url: http://127.0.0.1:9/keys
jwt-algorithm: ES256
auth-url: http://127.0.0.1:9/a
basic-users: %[3]s
api-keys: %[3]s
connection-rate: 1000/s
message-rate: 1000/s
message-rate-ip: 1000/s
health-path: /health
health-interval: 1h
`, append(one, file("users", users))...))
	load := func(flags ...string) *config.Config {
		t.Helper()
		args := append([]string{"--config", base}, flags...)
		if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--upstream=") }) {
			args = append(args, "--upstream=ws://127.0.0.1:9")
		}
		cfg, err := config.Load(args, nil)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	start := load()
	env := &Env{Start: start, Log: slog.New(slog.DiscardHandler), Metrics: observe.NewMetrics(), TicketSecrets: new(certs.Secrets), StickyKey: make([]byte, 32)}
	first, _, err := env.Build(start, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	all := readOtherValues(t, files)
	known := reflect.TypeFor[config.Config]()
	for i := range known.NumField() {
		tag := known.Field(i).Tag
		name := tag.Get("knob")
		if name == "" || name == "-" || name == "config" || name == "demo" { // these two make another kind of process
			continue
		}
		v, ok := all[name]
		if !ok {
			t.Errorf("%s: say in otherValues what is made anew when it changes", name)
			continue
		}
		delete(all, name)
		if slices.Contains(v.parts, "acme") { // not built, as its folder would be made
			acme := []string{"--acme-domain=a.test", "--acme-storage=" + filepath.Join(dir, "acme")}
			was, is := load(acme...), load(append(acme, v.flags...)...)
			before, _ := certOptions(was)
			after, _ := certOptions(is)
			if d := was.Diff(is); textOf(before) == textOf(after) || !slices.Equal(d.Changed, []string{name}) {
				t.Errorf("%s: the certificates stay as they are: %+v", name, d)
			}
			continue
		}
		given := load(v.flags...)
		r := start.Diff(given)
		next, _, err := env.Build(given.Keep(start), first)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before, after := partsOf(first), partsOf(next)
		next.Release()
		told := r.Changed
		if tag.Get("route") == "true" {
			told = nil
			if len(r.RoutesChanged) == 1 {
				told = r.RoutesChanged[0].Knobs
			}
			v.parts = append(v.parts, "route")
		}
		if !slices.Contains(told, name) {
			t.Errorf("%s: not told of: %+v", name, r)
		}
		if restart := slices.Contains(v.parts, "restart"); restart != slices.Contains(r.Restart, name) || restart != (tag.Get("restart") == "true") {
			t.Errorf("%s: needs a restart: %t, told %v", name, restart, r.Restart)
		}
		v.parts = slices.DeleteFunc(v.parts, func(p string) bool { return p == "live" || p == "restart" })
		var anew []string
		for part, was := range before {
			if after[part] != was {
				anew = append(anew, part)
			}
		}
		for part := range after {
			if _, had := before[part]; !had {
				anew = append(anew, part)
			}
		}
		slices.Sort(anew)
		slices.Sort(v.parts)
		if !slices.Equal(anew, v.parts) {
			t.Errorf("%s: made anew are %v, want %v", name, anew, v.parts)
		}
	}
	for name := range all {
		t.Errorf("%s: no such knob", name)
	}
}

// selfSigned is a certificate with its key, and that key's public half, in PEM.
func selfSigned(t *testing.T) (cert, key, public string) {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"weir.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(secret)
	key = text("PRIVATE KEY", keyDER, err)
	publicDER, err := x509.MarshalPKIXPublicKey(&secret.PublicKey)
	return text("CERTIFICATE", der, nil), key, text("PUBLIC KEY", publicDER, err)
}
