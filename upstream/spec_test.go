package upstream_test

import (
	"strings"
	"testing"

	"weir/upstream"
)

func TestParseSpec(t *testing.T) {
	for in, want := range map[string]upstream.Spec{
		"ws://10.0.0.1:9000":                   {Scheme: "ws", Host: "10.0.0.1", Port: 9000, Weight: 1},
		"http://10.0.0.1:9000":                 {Scheme: "ws", Host: "10.0.0.1", Port: 9000, Weight: 1},
		"WS://Chat.Internal":                   {Scheme: "ws", Host: "chat.internal", Port: 80, Weight: 1},
		"ws://chat.internal:1/":                {Scheme: "ws", Host: "chat.internal", Port: 1, Weight: 1},
		"ws://chat.internal.:65535":            {Scheme: "ws", Host: "chat.internal.", Port: 65535, Weight: 1},
		"ws://my_app-1:80":                     {Scheme: "ws", Host: "my_app-1", Port: 80, Weight: 1},
		"ws://[::1]:9000#weight=3":             {Scheme: "ws", Host: "::1", Port: 9000, Weight: 3},
		"ws://[2001:DB8::0:1]":                 {Scheme: "ws", Host: "2001:db8::1", Port: 80, Weight: 1},
		"ws://[::ffff:10.0.0.1]":               {Scheme: "ws", Host: "10.0.0.1", Port: 80, Weight: 1},
		"ws://h:9#weight=1000":                 {Scheme: "ws", Host: "h", Port: 9, Weight: 1000},
		"ws://h:9#weight=2&weight=003":         {Scheme: "ws", Host: "h", Port: 9, Weight: 3},
		"wss://chat.internal":                  {Scheme: "wss", Host: "chat.internal", Port: 443, Weight: 1},
		"HTTPS://[::1]/":                       {Scheme: "wss", Host: "::1", Port: 443, Weight: 1},
		"h2://h#weight=7":                      {Scheme: "h2", Host: "h", Port: 443, Weight: 7},
		"wss+h2://h:8443":                      {Scheme: "wss+h2", Host: "h", Port: 8443, Weight: 1},
		"h2c://h":                              {Scheme: "h2c", Host: "h", Port: 80, Weight: 1},
		"unix:///run/app.sock":                 {Scheme: "ws", Path: "/run/app.sock", Weight: 1},
		"ws+unix:///a#weight=2":                {Scheme: "ws", Path: "/a", Weight: 2},
		"h2c+unix:///run/a,b;c=d&e":            {Scheme: "h2c", Path: "/run/a,b;c=d&e", Weight: 1},
		"ws+h2c+unix:///run/app.sock":          {Scheme: "ws+h2c", Path: "/run/app.sock", Weight: 1},
		"ws://h:1#proxy-protocol=v1":           {Scheme: "ws", Host: "h", Port: 1, Weight: 1, Proxy: 1},
		"wss://h:1#weight=2&proxy-protocol=v2": {Scheme: "wss", Host: "h", Port: 1, Weight: 2, Proxy: 2},
		"ws://h:1#id=App_0.eu-1&weight=2":      {Scheme: "ws", Host: "h", Port: 1, Weight: 2, ID: "App_0.eu-1"},
		"unix:///a#proxy-protocol=v2":          {Scheme: "ws", Path: "/a", Weight: 1, Proxy: 2},
	} {
		got, err := upstream.ParseSpec(in)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", in, got, err)
			continue
		}
		if again, err := upstream.ParseSpec(got.String()); err != nil || again != got {
			t.Errorf("%s: its form %s is read as %+v, %v", in, got, again, err)
		}
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "no scheme",
		"10.0.0.1:9000":                        "no scheme",
		"tcp://h":                              `scheme "tcp" is not supported: use ws (or http), h2c or ws+h2c, with TLS wss`,
		"ws+h2://h":                            `scheme "ws+h2" is not supported`,
		"unix+unix:///a":                       `not supported`,
		"wss+unix:///a":                        "TLS is not spoken over unix sockets",
		"h2+unix:///a":                         "TLS is not spoken over unix sockets",
		"unix://run/app.sock":                  "write unix:///run/app.sock",
		"unix://":                              "begins with a slash",
		"unix:///":                             "names no file",
		"unix:///run/app.sock/":                "write /run/app.sock",
		"unix:///run/../app":                   "write /app",
		"unix:///run/my app":                   "a character that is not allowed",
		"unix:///run/a?b":                      "a character that is not allowed",
		"unix:///run/\x1b[31m":                 "a character that is not allowed",
		"unix:///" + strings.Repeat("a", 103):  "longer than 103",
		"ws://h#proxy-protocol=2":              `proxy-protocol "2" is neither v1 nor v2`,
		"ws://h#proxy-protocol":                "neither v1 nor v2",
		"h2c://h#proxy-protocol=v2":            "with h2c many share one",
		"wss+h2://h#proxy-protocol=v1":         "use ws or wss",
		"://h":                                 "not supported",
		"ws://h#id":                            `id "" is not a name`,
		"ws://h#id=ws://h":                     "is not a name",
		"ws://h#id=" + strings.Repeat("a", 65): "is not a name of 1 to 64",
		"ws://":                                "no host",
		"ws://:80":                             "no host",
		"ws://h/chat":                          "a path is not allowed",
		"ws://h//":                             "a path is not allowed",
		"ws://h?x=1":                           "a query is not allowed",
		"ws://h:0":                             "port",
		"ws://h:":                              "port",
		"ws://h:65536":                         "port",
		"ws://h:+80":                           "port",
		"ws://h:80x":                           "port",
		"ws://::1:9000":                        "brackets",
		"ws://[::1":                            "not closed",
		"ws://[::1]9000":                       "unexpected",
		"ws://[fe80::1%eth0]:80":               "zone",
		"ws://[10.0.0.1]:80":                   "not an IPv6 address",
		"ws://[]":                              "no host",
		"ws://10.0.0.256":                      "neither an IPv4 address nor a host name",
		"ws://1.2.3":                           "neither an IPv4 address nor a host name",
		"ws://a..b":                            "not a host name",
		"ws://ä.example":                       "not a host name",
		"ws://a b":                             "not a host name",
		"ws://a\r\nb":                          "not a host name",
		"ws://h#":                              "unknown setting",
		"ws://h#wait=3":                        `unknown setting "wait"`,
		"ws://h#weight=0":                      "weight",
		"ws://h#weight=1001":                   "weight",
		"ws://h#weight=x":                      "weight",
		"ws://h#weight=1&":                     "unknown setting",
		"ws://" + strings.Repeat("a.", 200) + "b": "longer than 253",
		"ws://" + strings.Repeat("a", 64):         "not a host name",
	} {
		_, err := upstream.ParseSpec(in)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "upstream ") {
			t.Errorf("%q: got %v, want %q", in, err, want)
		}
	}
}

func TestSchemes(t *testing.T) {
	for scheme, want := range map[string]struct{ tunnels, pools, secure bool }{
		"ws": {true, false, false}, "wss": {true, false, true},
		"h2c": {false, true, false}, "h2": {false, true, true},
		"ws+h2c": {true, true, false}, "wss+h2": {true, true, true},
	} {
		s := specs(t, scheme+"://h")[0]
		if s.Tunnels() != want.tunnels || s.Pools() != want.pools || s.Secure() != want.secure {
			t.Errorf("%s: tunnels %v, pools %v, secure %v", scheme, s.Tunnels(), s.Pools(), s.Secure())
		}
	}
}

func TestParseSpecHidesPasswords(t *testing.T) {
	for _, in := range []string{
		"ws://ann:hunter2@h:80", "ann:hunter2@h:80", "wss://ann:hunter2@h", "unix://ann:hunter2@/a", "ws://ann:hunter2@h:x", "ws://ann:hunter2@h#x=1",
		"ws://ann:hunter2/@h", "ws://ann#hunter2@h", "hunter2@x://h",
	} {
		if _, err := upstream.ParseSpec(in); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{
		"ws://10.0.0.1:9000#weight=3", "http://[::1]", "ws://a.b:1&", "ws://[::ffff:1.2.3.4]:80", "x://@/?#", "ws://0x7f.1",
		"unix:///run/app.sock#weight=2", "h2c+unix:///a/../b", "wss+h2://h", "https://h#proxy-protocol=v2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := upstream.ParseSpec(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(spec.Host+spec.Path, " @?#%\r\n\x00") || (spec.Port == 0) != (spec.Path != "") ||
			(spec.Host == "") != (spec.Path != "") || spec.Weight < 1 || spec.Weight > 1000 || spec.Proxy != 0 && spec.Pools() {
			t.Errorf("%q became %+v", s, spec)
		}
		if again, err := upstream.ParseSpec(spec.String()); err != nil || again != spec {
			t.Errorf("%q became %+v, whose form %q became %+v, %v", s, spec, spec, again, err)
		}
	})
}
