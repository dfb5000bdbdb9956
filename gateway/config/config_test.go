package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// samples holds, for each knob, a value that is not its default and is valid
// with all others at theirs (and a backend).
var samples = map[string]string{
	"listen": ":9999", "admin": "off", "upstream": "ws://10.0.0.9:9#weight=3", "demo": "true", "loops": "3", "loop-file-tables": "true",
	"hash-on": "cookie:sid", "balance-factor": "2.5", "connect-retries": "4", "panic": "false", "dns-interval": "5s", "dns-min-ttl": "3s", "kubeconfig": "kube.yaml", "upstream-file": "backends.yaml", "dns-family": "any", "empty-hold": "1m",
	"health": "websocket", "health-path": "/well", "health-status": "200,300-302", "health-header": "Authorization: Bearer a, b", "health-port": "8081",
	"health-interval": "7s", "health-timeout": "3s", "health-rise": "5", "health-fall": "6",
	"on-backend-loss": "reopen", "reopen-wait": "3s", "reopen-notice": "moved", "reopen-header": "X-Moved", "endpoint-drain": "20s", "rebalance": "5%/min", "rebalance-within": "20",
	"balance": "two", "slow-start": "20s", "priority-threshold": "70", "zone": "eu-1",
	"outlier": "false", "outlier-ratio": "40", "outlier-min": "9", "outlier-window": "20s", "outlier-early": "2s", "outlier-eject": "10s", "outlier-max": "50",
	"handshake-timeout": "11s", "connect-timeout": "1s", "backend-timeout": "12s", "idle-timeout": "0",
	"ping-interval": "20s", "pong-timeout": "21s", "close-timeout": "1500ms", "gather-timeout": "17s", "drain-timeout": "2m", "reload-drain": "5m", "config-watch": "3s", "upgrade-drain": "1h",
	"max-connections": "1000", "max-connections-per-ip": "10", "max-requests": "500", "max-requests-per-ip": "50", "max-header-size": "8KiB", "max-header-fields": "50",
	"max-message-size": "1MiB", "max-frame-size": "65536", "high-water": "256KiB", "low-water": "1000", "read-buffer": "32KiB",
	"validate-utf8": "true", "drain-code": "1012", "backend-lost-code": "1014", "extensions": "pass", "slow-reader-code": "4000", "gather-memory-code": "1008", "auth-unavailable-code": "4013",
	"request-header": "set X-Team: blue, green", "response-header": "remove Server", "forwarded": "false",
	"upstream-host": "inner.example:80", "endpoint-header": "X-Weir-Endpoint",
	"tcp-nodelay": "false", "tcp-keepalive": "30s", "tcp-user-timeout": "9s", "backlog": "128", "defer-accept": "2s",
	"pool-min": "3", "pool-max-streams": "50", "pool-idle": "5m", "pool-ping-interval": "20s", "pool-ping-timeout": "3s", "pool-spread": "2s",
	"access-log": "json", "access-log-sample": "100", "log-level": "warn",
	"metrics-push-url": "http://127.0.0.1:1/push", "metrics-push-interval": "1m", "metrics-push-labels": `zone="a"`,
	"admin-token": "secret",
	"tls-listen":  ":9443,unix:/run/weir.sock", "unix-mode": "0600", "tls-cert": "a.pem,b.pem", "tls-key": "a.key,b.key", "tls-min-version": "1.3", "tls-max-version": "1.2",
	"tls-ciphers": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "tls-curves": "P-256,X25519MLKEM768",
	"tls-alpn": "http/1.1", "tls-unknown-name": "reject", "tls-client-auth": "ask", "tls-client-ca": "ca.pem", "tls-client-header": "X-Client",
	"tls-tickets": "false", "tls-ticket-keys": "keys", "tls-handshakes": "64", "tls-reload-interval": "1m", "require-tls": "redirect",
	"acme-domain": "a.example,b.example", "acme-directory": "https://acme.example/dir", "acme-email": "a@b.example", "acme-storage": "/var/lib/weir", "acme-ca": "acme.pem",
	"trusted-proxies": "10.0.0.0/8,10.0.0.1,unix", "proxy-protocol": "true", "forwarded-standard": "true",
	"sticky-cookie": "__Host-weir", "sticky-ttl": "24h", "sticky-same-site": "strict", "sticky-key": "0123456789abcdef",
	"upstream-ca": "up.pem", "upstream-cert": "me.pem", "upstream-key": "me.key", "upstream-server-name": "backend.example", "upstream-skip-verify": "true",
	"http": "false", "http-upstream": "http://10.0.0.7:80", "http-timeout": "5m", "http-idle-timeout": "10s", "max-http-connections": "77",
	"path-rewrite": "^/chat/(.*)$ /$1",
	"origin":       "https://app.example.com,same-origin", "origin-required": "true", "allow": "10.0.0.0/8", "allow-file": "allowed", "deny": "10.1.0.0/16", "deny-file": "denied", "reload-interval": "1m",
	"jwt-keys": "keys.pem", "jwt-jwks-url": "https://issuer.example/jwks", "jwt-algorithm": "ES256,EdDSA", "jwt-issuer": "https://issuer.example", "jwt-audience": "chat", "jwt-leeway": "1m", "jwt-endless": "true",
	"jwt-from": "query:token,protocol:bearer", "jwt-header": "sub X-User", "auth-url": "http://127.0.0.1:1/auth", "auth-timeout": "1s", "auth-cache": "30s", "auth-header": "X-Team", "auth-user-header": "X-User",
	"api-keys": "keys", "basic-users": "users", "auth-optional": "true", "auth-strip": "true", "auth-preflight": "check", "path-encoded": "pass", "auth-refusal": "close", "auth-missing-code": "4401", "auth-invalid-code": "4403", "auth-expired-code": "4402",
	"connection-rate": "10/s burst 50", "auth-failure-rate": "5/s burst 7", "message-rate": "100/60s", "message-rate-user": "200/m", "message-rate-ip": "300/m", "message-rate-route": "1000/s", "byte-rate": "64KiB/s", "rate-action": "drop", "rate-code": "4003",
	"ipv6-prefix": "56", "rate-table": "2000", "messages": "text", "frame-rate": "50/s", "byte-rate-user": "1MiB/s", "byte-rate-ip": "2MiB/s", "byte-rate-route": "1GiB/s",
	"compression": "gateway", "compression-level": "3", "compression-threshold": "1KiB", "compression-window": "12", "gather-memory": "1GiB",
	"upgrade-other": "tcp,SPDY/3.1", "http-min-rate": "1KiB", "http-half-close": "cut", "max-path-length": "8KiB",
	"slow-reader": "drop", "tcp-notsent-lowat": "64KiB", "slow-reader-timeout": "3s", "backend-ping-interval": "40s",
}

func TestEveryFieldIsAWholeKnob(t *testing.T) {
	group, seen := "", map[string]bool{}
	for _, k := range knobs {
		if k.name == "" || k.group == "" || k.help == "" {
			t.Errorf("field %d lacks knob, group or help", k.field)
		}
		if k.arg == "" && !k.isSwitch() {
			t.Errorf("%s: its value has no name", k.name)
		}
		if kind := k.typ.Kind(); (kind == reflect.Int || kind == reflect.Int64 || kind == reflect.Float64) &&
			!k.limit.set && k.name != "drain-code" && k.name != "rate-code" && k.name != "log-level" {
			t.Errorf("%s: a number without a range", k.name)
		}
		if k.group != group && seen[k.group] {
			t.Errorf("%s: the group %s is begun a second time", k.name, k.group)
		}
		group = k.group
		seen[group] = true
	}
}

func TestDefaultsAreInRangeAndReadBack(t *testing.T) {
	for _, k := range knobs {
		preset := k.of(Default())
		if k.limit.set && !k.limit.admits(preset) {
			t.Errorf("%s: the default %v is out of range", k.name, preset)
		}
		if k.isList() {
			continue
		}
		if again, err := k.parse(k.text(preset)); err != nil || again != preset.Interface() {
			t.Errorf("%s: %v is written %q and read back as %v, %v", k.name, preset, k.text(preset), again, err)
		}
	}
}

// TestEverySourceReachesEveryField sets one knob at a time, in each way there is.
func TestEverySourceReachesEveryField(t *testing.T) {
	for i := range knobs {
		k := &knobs[i]
		text, ok := samples[k.name]
		if k.name == "config" {
			continue // see TestConfigFileIsNamedByFlagOrVariable
		}
		if !ok {
			t.Errorf("%s: no sample", k.name)
			continue
		}
		want := Default()
		base := needed(t, k.name, want)
		if k.text(k.of(want)) == text {
			t.Errorf("%s: the sample is the default", k.name)
		}
		set(t, want, k.name, text)
		path := writeFile(t, k.name+": '"+text+"'\n")
		sources := map[string]func() (*Config, error){
			"flag":     func() (*Config, error) { return Load(append(base, k.flag()+"="+text), nil) },
			"variable": func() (*Config, error) { return Load(base, []string{k.env() + "=" + text}) },
			"file":     func() (*Config, error) { return Load(append(base, "--config="+path), nil) },
		}
		if k.route {
			base, lines := []string{"--upstream=ws://10.0.0.2"}, k.name+": '"+text+"'"
			for _, need := range needs[k.name] {
				if find(need).route {
					lines += ", " + need + ": '" + samples[need] + "'"
				} else {
					base = append(base, "--"+need+"="+samples[need])
				}
			}
			routed := writeFile(t, "routes: [{"+lines+"}]\n")
			sources["route"] = func() (*Config, error) {
				c, err := Load(append(base, "--config="+routed), nil)
				if err != nil {
					return nil, err
				}
				r := c.Routes[0].Config
				if k.name != "upstream" {
					r.Upstream = want.Upstream
				}
				return r, nil
			}
		}
		for source, load := range sources {
			got, err := load()
			if err != nil {
				t.Errorf("%s by %s: %v", k.name, source, err)
				continue
			}
			same(t, k.name+" by "+source, got, want)
			for _, r := range got.Routes {
				same(t, k.name+" by "+source+", in its route", r.Config, want)
			}
		}
	}
}

// needs are the knobs without which a sample is refused.
var needs = map[string][]string{
	"tls-listen": {"tls-cert", "tls-key"}, "tls-cert": {"tls-listen", "tls-key"}, "tls-key": {"tls-listen", "tls-cert"},
	"tls-client-auth": {"tls-client-ca"}, "require-tls": {"tls-listen", "tls-cert", "tls-key"},
	"acme-domain": {"tls-listen", "acme-storage"}, "proxy-protocol": {"trusted-proxies"},
	"upstream-cert": {"upstream-key"}, "upstream-key": {"upstream-cert"},
	"jwt-keys": {"jwt-algorithm"}, "jwt-jwks-url": {"jwt-algorithm"}, "jwt-algorithm": {"jwt-keys"}, "jwt-issuer": {"jwt-keys", "jwt-algorithm"},
	"jwt-audience": {"jwt-keys", "jwt-algorithm"}, "jwt-endless": {"jwt-keys", "jwt-algorithm"}, "jwt-from": {"jwt-keys", "jwt-algorithm"},
	"jwt-header": {"jwt-keys", "jwt-algorithm"}, "auth-cache": {"auth-url"}, "auth-header": {"auth-url"}, "auth-user-header": {"auth-url"},
	"rebalance":     {"on-backend-loss"},
	"auth-optional": {"api-keys"}, "auth-strip": {"api-keys"}, "message-rate-user": {"api-keys"}, "byte-rate-user": {"api-keys"},
}

// needed sets the knobs that name's sample needs, and gives the flags for the same.
func needed(t *testing.T, name string, c *Config) (flags []string) {
	all := needs[name]
	if name != "upstream" && name != "demo" {
		all = append([]string{"upstream"}, all...)
	}
	for _, need := range all {
		set(t, c, need, samples[need])
		flags = append(flags, "--"+need+"="+samples[need])
	}
	return flags
}

func set(t *testing.T, c *Config, name, text string) {
	t.Helper()
	k := find(name)
	value, err := k.parse(text)
	if err != nil {
		t.Fatal(err)
	}
	k.of(c).Set(reflect.ValueOf(value))
}

func same(t *testing.T, what string, got, want *Config) {
	t.Helper()
	for i := range knobs {
		if k := &knobs[i]; k.name != "config" && k.text(k.of(got)) != k.text(k.of(want)) {
			t.Errorf("%s: %s is %v, want %v", what, k.name, k.of(got), k.of(want))
		}
	}
}

func TestConditionsAndSitesAreWholeKnobs(t *testing.T) {
	for _, k := range append(matchKnobs, siteKnobs...) {
		if k.name == "" {
			t.Errorf("field %d has no name", k.field)
		}
		if find(k.name) != nil {
			t.Errorf("%s is the name of a knob, too", k.name)
		}
	}
}

func TestUsageNamesEveryKnobAndFits(t *testing.T) {
	usage := Usage()
	for _, k := range knobs {
		if !strings.Contains(usage, "\n  "+k.flag()+" ") {
			t.Errorf("--help lacks %s", k.flag())
		}
		if strings.Count(usage, "\n"+k.group+"\n") != 1 {
			t.Errorf("--help has not one heading %s", k.group)
		}
	}
	for line := range strings.Lines(usage) {
		if len(strings.TrimRight(line, "\n")) > usageWidth {
			t.Errorf("too wide: %s", line)
		}
	}
}

func TestManualHasEveryKnob(t *testing.T) {
	page := KnobsPage()
	for _, k := range knobs {
		if !strings.Contains(page, "| `"+k.name+"` | `"+k.env()+"` |") {
			t.Errorf("the manual lacks %s", k.name)
		}
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
