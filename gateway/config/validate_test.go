package config_test

import (
	"crypto/tls"
	"math"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.Config)
		want   string // "" if it is valid
	}{
		{"defaults and a backend", func(c *config.Config) {}, ""},
		{"no backend", func(c *config.Config) { c.Upstream = nil }, "upstream: no backend given; name one with --upstream ws://HOST:PORT, or use --demo"},
		{"demo", func(c *config.Config) { c.Upstream, c.Demo = nil, true }, ""},
		{"demo and a backend", func(c *config.Config) { c.Demo = true }, "demo: the demo is its own backend; take away this or upstream"},
		{"bad backend", func(c *config.Config) { c.Upstream = []string{"ftp://a"} }, `upstream: upstream "ftp://a": scheme`},
		{"nothing to listen on", func(c *config.Config) { c.Listen = nil }, "listen: no address given; write one such as :8080"},
		{"address without port", func(c *config.Config) { c.Listen = []string{"80"} }, `listen: "80" is not an address; write HOST:PORT or :PORT`},
		{"port too high", func(c *config.Config) { c.Admin = ":65536" }, `admin: ":65536": port "65536" is not a number from 0 to 65535`},
		{"admin off", func(c *config.Config) { c.Admin = "off" }, ""},
		{"address twice", func(c *config.Config) { c.Listen = []string{":80", ":80"} }, "listen: :80 is listened on twice"},
		{"admin on the clients' address", func(c *config.Config) { c.Admin = c.Listen[0] }, "admin: 127.0.0.1:8080 is listened on twice"},
		{"address in two spellings", func(c *config.Config) { c.Listen = []string{":80", "[::]:80"} }, "listen: [::]:80 is listened on twice: it is the same as :80"},
		{"address in long", func(c *config.Config) { c.Listen = []string{"[::1]:80", "[0:0:0::1]:80"} }, "listen: [0:0:0::1]:80 is listened on twice: it is the same as [::1]:80"},
		{"clients' addresses that overlap", func(c *config.Config) { c.Listen = []string{":80", "127.0.0.1:80"} }, ""},
		{"admin within the clients' address", func(c *config.Config) { c.Listen, c.Admin = []string{":80"}, "127.0.0.1:80" }, "admin: 127.0.0.1:80 overlaps with :80, where clients connect; write another port"},
		{"admin around the clients' address", func(c *config.Config) { c.Listen, c.Admin = []string{"127.0.0.1:80"}, ":80" }, "admin: :80 overlaps with 127.0.0.1:80, where clients connect; write another port"},
		{"admin within that of IPv4", func(c *config.Config) { c.Listen, c.Admin = []string{"0.0.0.0:80"}, "127.0.0.1:80" }, "admin: 127.0.0.1:80 overlaps with 0.0.0.0:80"},
		{"admin beside that of IPv4", func(c *config.Config) { c.Listen, c.Admin = []string{"0.0.0.0:80"}, "[::1]:80" }, ""},
		{"admin on another port", func(c *config.Config) { c.Listen, c.Admin = []string{":80"}, ":81" }, ""},
		{"admin within the address with TLS", func(c *config.Config) { secure(c); c.Admin = "127.0.0.1:443" }, "admin: 127.0.0.1:443 overlaps with :443"},
		{"admin on any port", func(c *config.Config) { c.Listen, c.Admin = []string{":0"}, "127.0.0.1:0" }, ""},
		{"unix socket in two spellings", func(c *config.Config) { c.Listen = []string{"unix:/a/b", "unix:/a/./b"} }, "listen: unix:/a/./b is listened on twice: it is the same as unix:/a/b"},
		{"backend twice", func(c *config.Config) { c.Upstream = []string{"ws://a", "http://A:80#weight=2"} }, "upstream: ws://a:80 is given twice; to give a backend more, write #weight=N behind it"},
		{"HTTP backend twice", func(c *config.Config) { c.HTTPUpstream = []string{"http://a", "http://a"} }, "http-upstream: ws://a:80 is given twice"},
		{"fragment in the health path", func(c *config.Config) { c.HealthPath = "/a#b" }, `health-path: "/a#b" is not a path`},
		{"any free port beside a unix socket", func(c *config.Config) { c.Listen = []string{":0", "unix:/run/weir.sock"} }, ""},
		{"relative unix socket", func(c *config.Config) { c.Listen = []string{"unix:weir.sock"} }, `listen: "unix:weir.sock" is not a unix socket's address; write unix:/PATH, with a path of at most 103 bytes`},
		{"long unix socket", func(c *config.Config) { c.Listen = []string{"unix:/" + strings.Repeat("x", 103)} }, `listen: "unix:/xxx`},
		{"unix socket twice", func(c *config.Config) { c.Listen = []string{"unix:/a", "unix:/a"} }, "listen: unix:/a is listened on twice"},
		{"admin on a unix socket", func(c *config.Config) { c.Admin = "unix:/a" }, ""},
		{"with and without TLS on one address", func(c *config.Config) { secure(c); c.TLSListen = c.Listen }, "tls-listen: 127.0.0.1:8080 is listened on twice"},
		{"TLS alone", func(c *config.Config) { secure(c); c.Listen = nil }, ""},
		{"any port, twice", func(c *config.Config) { c.Listen = []string{":0", ":0"} }, ""},
		{"factor below one", func(c *config.Config) { c.BalanceFactor = 0.5 }, "balance-factor: 0.5 is out of range; write 1 to 100, or 0"},
		{"factor off", func(c *config.Config) { c.BalanceFactor = 0 }, ""},
		{"factor not a number", func(c *config.Config) { c.BalanceFactor = math.NaN() }, "balance-factor: NaN is out of range; write 1 to 100, or 0"},
		{"negative timeout", func(c *config.Config) { c.IdleTimeout = -time.Second }, "idle-timeout: -1s is out of range; write 100ms to 1000h, or 0"},
		{"a timeout that cannot be off", func(c *config.Config) { c.HandshakeTimeout = 0 }, "handshake-timeout: 0 is out of range; write 10ms to 1h"},
		{"keep-alive below a second", func(c *config.Config) { c.TCPKeepAlive = time.Millisecond }, "tcp-keepalive: 1ms is out of range; write 1s to 9h, or 0"},
		{"frames too small for a close", func(c *config.Config) { c.MaxFrameSize = 124 }, "max-frame-size: 124 is out of range; write 125 to 1024GiB, or 0"},
		{"frame above message", func(c *config.Config) { c.MaxFrameSize, c.MaxMessageSize = 2048, 1024 }, "max-frame-size: 2KiB is more than max-message-size (1KiB)"},
		{"high water too low", func(c *config.Config) { c.HighWater = 100 << 10 }, "high-water: 100KiB is less than twice read-buffer (64KiB); write at least 128KiB"},
		{"low water above high", func(c *config.Config) { c.LowWater = c.HighWater }, "low-water: 128KiB is not below high-water (128KiB)"},
		{"another upgrade on a pool", func(c *config.Config) {
			c.UpgradeOther, c.Upstream = []string{"tcp"}, []string{"ws://127.0.0.1:1", "ws+h2c://127.0.0.1:2"}
		}, "upgrade-other: needs backends with a connection for each session, and one is pooled; write ws:// or wss:// in upstream"},
		{"an upgrade to HTTP/2", func(c *config.Config) { c.UpgradeOther = []string{"tcp", "H2C"} }, "upgrade-other: H2C cannot be passed on: its requests would get past all checks"},
		{"an upgrade to nothing", func(c *config.Config) { c.UpgradeOther = []string{"a b"} }, "upgrade-other: \"a b\" is not a protocol's name, such as tcp or SPDY/3.1"},
		{"extensions that nobody can read", func(c *config.Config) { c.Extensions, c.Messages = config.ExtensionsPass, config.MessagesJSON }, "messages: looks at messages or drops them, which it cannot where they are of an extension that it does not know; write extensions: strip"},
		{"extensions and moved sessions", func(c *config.Config) { c.Extensions, c.OnBackendLoss = config.ExtensionsPass, config.LossReopen }, "on-backend-loss: reopen cannot move a session whose client and backend agreed on an extension that Weir does not know; write extensions: strip"},
		{"extensions and dropped messages", func(c *config.Config) { c.Extensions, c.SlowReader = config.ExtensionsPass, config.SlowDrop }, "slow-reader: looks at messages or drops them, which it cannot where they are of an extension that it does not know; write extensions: strip"},
		{"code that may not be sent", func(c *config.Config) { c.BackendLostCode = 1006 }, "backend-lost-code: 1006 is no code that a close frame may carry; write one of 1000 to 1003, 1007 to 1014 or 3000 to 4999"},
		{"code that nobody has registered", func(c *config.Config) { c.SlowReaderCode = 2000 }, "slow-reader-code: 2000 is no code that a close frame may carry; write one of 1000 to 1003, 1007 to 1014 or 3000 to 4999"},
		{"drain code", func(c *config.Config) { c.DrainCode = 1000 }, "drain-code: 1000 is not 1001 (going away) or 1012 (service restart)"},
		{"health path", func(c *config.Config) { c.HealthPath = "well" }, `health-path: "well" is not a path; it begins with / and holds no spaces`},
		{"health check", func(c *config.Config) { c.HealthStatus = []string{"204", "600"} }, `health-status: "600" is not a status from 200 to 599, nor a range such as 200-399`},
		{"range of statuses", func(c *config.Config) { c.HealthStatus = []string{"399-200"} }, `health-status: "399-200" is not a status`},
		{"no status", func(c *config.Config) { c.HealthStatus = nil }, `health-status: is empty: no answer would be healthy; write 200-399`},
		{"health field", func(c *config.Config) { c.HealthHeader = []string{"X-Key"} }, `health-header: has to read 'NAME: VALUE'`},
		{"health host", func(c *config.Config) { c.HealthHeader = []string{"host: a"} }, `health-header: Host is what upstream-host says`},
		{"health key", func(c *config.Config) { c.HealthHeader = []string{"Sec-WebSocket-Key: a"} }, `health-header: Sec-WebSocket-Key frames messages or makes the handshake`},
		{"health port", func(c *config.Config) { c.HealthPort = 65536 }, `health-port: 65536 is out of range`},
		{"health port of a unix socket", func(c *config.Config) { c.HealthPort, c.Upstream = 1, []string{"unix:///a"} }, `health-port: a backend is a unix socket, which has no ports; write 0 here`},
		{"line break in the health path", func(c *config.Config) { c.HealthPath = "/\r\nX: y" }, `health-path: "/\r\nX: y" is not a path`},
		{"header rule", func(c *config.Config) { c.RequestHeader = []string{"put X: y"} }, `request-header: header rule "put X: y": begins with "put"`},
		{"header rule on our own field", func(c *config.Config) { c.ResponseHeader = []string{"remove Upgrade"} }, `response-header: header rule "remove Upgrade": Upgrade`},
		{"endpoint header", func(c *config.Config) { c.EndpointHeader = "X Weir" }, `endpoint-header: header rule "add X Weir: x": "X Weir" is not a field name`},
		{"Host with a line break", func(c *config.Config) { c.UpstreamHost = "a\r\nX: y" }, `upstream-host: "a\r\nX: y" is not a host with an optional port`},
		{"TLS", secure, ""},
		{"TLS without a certificate", func(c *config.Config) { c.TLSListen = []string{":443"} }, "tls-listen: there is no certificate; give tls-cert and tls-key, or acme-domain"},
		{"certificate without TLS", func(c *config.Config) { secure(c); c.TLSListen = nil }, "tls-cert: nothing listens with TLS; write tls-listen, such as :443"},
		{"certificate without its key", func(c *config.Config) { secure(c); c.TLSCert = append(c.TLSCert, "b") }, "tls-cert: 2 certificates have 1 keys; give one tls-key for each tls-cert"},
		{"TLS versions", func(c *config.Config) { c.TLSMinVersion, c.TLSMaxVersion = tls.VersionTLS13, tls.VersionTLS12 }, "tls-min-version: 1.3 is above tls-max-version (1.2)"},
		{"weak suite", func(c *config.Config) { c.TLSCiphers = []string{"TLS_RSA_WITH_RC4_128_SHA"} }, "tls-ciphers: TLS_RSA_WITH_RC4_128_SHA is not secure"},
		{"unknown suite", func(c *config.Config) { c.TLSCiphers = []string{"AES128"} }, `tls-ciphers: "AES128" is not a cipher suite; write a name such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`},
		{"suite of TLS 1.3", func(c *config.Config) { c.TLSCiphers = []string{"TLS_AES_128_GCM_SHA256"} }, "tls-ciphers: TLS_AES_128_GCM_SHA256 is one of TLS 1.3, whose cipher suites are always all offered"},
		{"suites of no version", func(c *config.Config) {
			c.TLSMinVersion, c.TLSCiphers = tls.VersionTLS13, []string{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}
		}, "tls-ciphers: are for TLS 1.2, which tls-min-version leaves out"},
		{"curve", func(c *config.Config) { c.TLSCurves = []string{"P256"} }, `tls-curves: "P256" is not X25519MLKEM768, X25519, P-256, P-384 or P-521`},
		{"unknown protocol", func(c *config.Config) { c.TLSALPN = []string{"http/1.1", "h3"} }, `tls-alpn: "h3" is not h2 or http/1.1`},
		{"no protocol for WebSockets", func(c *config.Config) { c.TLSALPN = []string{"h2"} }, "tls-alpn: http/1.1 is missing, which WebSockets need"},
		{"no ALPN", func(c *config.Config) { c.TLSALPN = nil }, ""},
		{"clients' certificates of nobody", func(c *config.Config) { c.TLSClientAuth = config.ClientAuthAsk }, "tls-client-auth: certificates cannot be checked; name the authorities in tls-client-ca"},
		{"client header", func(c *config.Config) { c.TLSClientHeader = "X Client" }, `tls-client-header: header rule "add X Client: x": "X Client" is not a field name`},
		{"keys of no tickets", func(c *config.Config) { c.TLSTickets, c.TLSTicketKeys = false, "keys" }, "tls-ticket-keys: are of no use without tls-tickets"},
		{"TLS required and not there", func(c *config.Config) { c.RequireTLS = config.RequireTLSRefuse }, "require-tls: nothing listens with TLS; write tls-listen, such as :443"},
		{"ACME", acme, ""},
		{"ACME without TLS", func(c *config.Config) { acme(c); c.TLSListen = nil }, "acme-domain: nothing listens with TLS; write tls-listen, such as :443"},
		{"ACME on a unix socket", func(c *config.Config) { acme(c); c.TLSListen = []string{"unix:/a", ":443"} }, "tls-listen: the ACME authority connects to the first address, by TCP; write one such as :443 in front of unix:/a"},
		{"ACME beside a unix socket", func(c *config.Config) { acme(c); c.TLSListen = []string{":443", "unix:/a"} }, ""},
		{"ACME without storage", func(c *config.Config) { acme(c); c.ACMEStorage = "" }, "acme-domain: certificates have to be kept; name a directory in acme-storage"},
		{"ACME for a wildcard", func(c *config.Config) { acme(c); c.ACMEDomain = []string{"*.a.example"} }, `acme-domain: "*.a.example" is not a host name; wildcards and addresses cannot be had this way`},
		{"ACME's directory", func(c *config.Config) { acme(c); c.ACMEDirectory = "http://a" }, `acme-directory: "http://a" is not a URL such as https://HOST/PATH`},
		{"ACME's email", func(c *config.Config) { acme(c); c.ACMEEmail = "me" }, `acme-email: "me" is not an address such as admin@example.com`},
		{"client certificate without its key", func(c *config.Config) { c.UpstreamCert = "a" }, "upstream-cert: lacks its key; name it in upstream-key"},
		{"key without its certificate", func(c *config.Config) { c.UpstreamKey = "a" }, "upstream-key: lacks its certificate; name it in upstream-cert"},
		{"backend's name", func(c *config.Config) { c.UpstreamServerName = "a:443" }, `upstream-server-name: "a:443" is not a host name or address`},
		{"backend's address as its name", func(c *config.Config) { c.UpstreamServerName = "::1" }, ""},
		{"bad HTTP backend", func(c *config.Config) { c.HTTPUpstream = []string{"ftp://a"} }, `http-upstream: upstream "ftp://a": scheme`},
		{"PROXY header on plain requests", func(c *config.Config) { c.HTTPUpstream = []string{"http://a#proxy-protocol=v2"} }, `http-upstream: upstream "http://a#proxy-protocol=v2": clients share the connections of plain requests, so that no PROXY header can tell who they are`},
		{"rewrite of one word", func(c *config.Config) { c.PathRewrite = "^/a" }, `path-rewrite: "^/a" is not 'REGEXP REPLACEMENT', with one space between and none inside`},
		{"rewrite by no expression", func(c *config.Config) { c.PathRewrite = "( /" }, "path-rewrite: \"(\" is not a regular expression: error parsing regexp: missing closing ): `(`"},
		{"rewrite into no path", func(c *config.Config) { c.PathRewrite = "^/(.*) x$1" }, `path-rewrite: "x$1" makes no path; it begins with / or a group, and holds no ? or #`},
		{"rewrite into a query", func(c *config.Config) { c.PathRewrite = "^/(.*) /?$1" }, `path-rewrite: "/?$1" makes no path; it begins with / or a group, and holds no ? or #`},
		{"rewrite by a group that is not", func(c *config.Config) { c.PathRewrite = "^/(.*) /$1x" }, "path-rewrite: $1x is no group of the expression; groups are $1 and so on, before a letter or digit ${1}"},
		{"rewrite by too high a group", func(c *config.Config) { c.PathRewrite = "^/(.*) /${2}" }, "path-rewrite: ${2} is no group of the expression"},
		{"sticky cookie", func(c *config.Config) { c.StickyCookie = "a b" }, `sticky-cookie: "a b" is not a cookie's name`},
		{"sticky key", func(c *config.Config) { c.StickyKey = "canary" }, "sticky-key: 6 bytes can be guessed; write at least 16"},
		{"trusted proxies", func(c *config.Config) { c.TrustedProxies = []string{"10.0.0.0/8", "proxy.example"} }, `trusted-proxies: "proxy.example" is neither`},
		{"PROXY header from nobody", func(c *config.Config) { c.ProxyProtocol = true }, "proxy-protocol: nobody is trusted to send a PROXY header; name the proxies in trusted-proxies"},
		{"Forwarded alone", func(c *config.Config) { c.Forwarded, c.ForwardedStandard = false, true }, "forwarded-standard: adds to forwarded, which is switched off"},
		{"push URL", func(c *config.Config) { c.MetricsPushURL = "ftp://u:canary@a" }, "metrics-push-url: not a URL such as http://HOST:PORT/PATH"},
		{"push labels", func(c *config.Config) { c.MetricsPushLabels = "zone=a" }, `metrics-push-labels: "zone=a" is not a list such as instance="a",zone="b"`},
		{"token", func(c *config.Config) { c.AdminToken = "canary\n" }, "admin-token: holds a space or a control character, which no Authorization header can carry"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := config.Default()
			c.Upstream = []string{"ws://10.0.0.1:9000"}
			test.change(c)
			err := c.Validate()
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("got  %v\nwant %s", err, test.want)
			case err != nil && strings.Contains(err.Error(), "canary"):
				t.Errorf("tells a secret: %v", err)
			}
		})
	}
}

// secure and acme are sound ways to listen with TLS.
func secure(c *config.Config) {
	c.TLSListen, c.TLSCert, c.TLSKey = []string{":443"}, []string{"a.pem"}, []string{"a.key"}
}

func acme(c *config.Config) {
	c.TLSListen, c.ACMEDomain, c.ACMEStorage = []string{":443"}, []string{"a.example"}, "/var/lib/weir"
}

func TestValidateCollects(t *testing.T) {
	c := config.Default()
	c.Upstream = []string{"a", "b"}
	c.Loops, c.DrainCode = -1, 0
	if lines := strings.Split(c.Validate().Error(), "\n"); len(lines) != 4 {
		t.Errorf("want four problems, one a line, got %q", lines)
	}
}
