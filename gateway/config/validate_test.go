package config_test

import (
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
		{"bad backend", func(c *config.Config) { c.Upstream = []string{"wss://a"} }, `upstream: upstream "wss://a": scheme`},
		{"nothing to listen on", func(c *config.Config) { c.Listen = nil }, "listen: no address given; write one such as :8080"},
		{"address without port", func(c *config.Config) { c.Listen = []string{"80"} }, `listen: "80" is not an address; write HOST:PORT or :PORT`},
		{"port too high", func(c *config.Config) { c.Admin = ":65536" }, `admin: ":65536": port "65536" is not a number from 0 to 65535`},
		{"admin off", func(c *config.Config) { c.Admin = "off" }, ""},
		{"address twice", func(c *config.Config) { c.Listen = []string{":80", ":80"} }, "listen: :80 is listened on twice"},
		{"admin on the clients' address", func(c *config.Config) { c.Admin = c.Listen[0] }, "admin: 127.0.0.1:8080 is listened on twice"},
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
		{"drain code", func(c *config.Config) { c.DrainCode = 1000 }, "drain-code: 1000 is not 1001 (going away) or 1012 (service restart)"},
		{"health path", func(c *config.Config) { c.HealthPath = "well" }, `health-path: "well" is not a path; it begins with / and holds no spaces`},
		{"line break in the health path", func(c *config.Config) { c.HealthPath = "/\r\nX: y" }, `health-path: "/\r\nX: y" is not a path`},
		{"header rule", func(c *config.Config) { c.RequestHeader = []string{"put X: y"} }, `request-header: header rule "put X: y": begins with "put"`},
		{"header rule on our own field", func(c *config.Config) { c.ResponseHeader = []string{"remove Upgrade"} }, `response-header: header rule "remove Upgrade": Upgrade`},
		{"endpoint header", func(c *config.Config) { c.EndpointHeader = "X Weir" }, `endpoint-header: header rule "add X Weir: x": "X Weir" is not a field name`},
		{"Host with a line break", func(c *config.Config) { c.UpstreamHost = "a\r\nX: y" }, `upstream-host: "a\r\nX: y" is not a host with an optional port`},
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

func TestValidateCollects(t *testing.T) {
	c := config.Default()
	c.Upstream = []string{"a", "b"}
	c.Loops, c.DrainCode = -1, 0
	if lines := strings.Split(c.Validate().Error(), "\n"); len(lines) != 4 {
		t.Errorf("want four problems, one a line, got %q", lines)
	}
}
