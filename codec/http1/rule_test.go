package http1_test

import (
	"strings"
	"testing"

	"weir/codec/http1"
)

func TestParseRule(t *testing.T) {
	for s, want := range map[string]http1.Rule{
		"set X-Team: blue":                {Op: http1.Set, Name: "X-Team", Value: "blue"},
		"set X-Team:blue":                 {Op: http1.Set, Name: "X-Team", Value: "blue"},
		"  add  X-At:  a: b\tc  ":         {Op: http1.Add, Name: "X-At", Value: "a: b\tc"},
		"set X-Empty:":                    {Op: http1.Set, Name: "X-Empty"},
		"remove Server":                   {Op: http1.Remove, Name: "Server"},
		"set Host: a.example:80":          {Op: http1.Set, Name: "Host", Value: "a.example:80"},
		"remove Sec-WebSocket-Extensions": {Op: http1.Remove, Name: "Sec-WebSocket-Extensions"},
	} {
		if got, err := http1.ParseRule(s); err != nil || got != want {
			t.Errorf("%q: %+v %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"":                               "not with set, add or remove",
		"delete X":                       "not with set, add or remove",
		"Set X: a":                       "not with set, add or remove",
		"set X":                          "has to read",
		"remove X: a":                    "has to read",
		"remove":                         "not a field name",
		"set : a":                        "not a field name",
		"set X Y: a":                     "not a field name",
		"set X\r\nY: a":                  "not a field name",
		"set X: a\r\nUpgrade: h2c":       "control byte 0x0d",
		"set X: a\nY":                    "control byte 0x0a",
		"add X: \x00":                    "control byte 0x00",
		"add Host: a":                    "can only be set",
		"remove host":                    "can only be set",
		"set Host: a b":                  "not a host",
		"set Connection: close":          "the gateway alone writes it",
		"remove connection":              "the gateway alone writes it",
		"set Upgrade: h2c":               "the gateway alone writes it",
		"set HTTP2-Settings: a":          "the gateway alone writes it",
		"add Transfer-Encoding: chunked": "the gateway alone writes it",
		"set Transfer_Encoding: chunked": "the gateway alone writes it",
		"set Content-Length: 5":          "the gateway alone writes it",
		"set Sec-WebSocket-Key: a":       "the gateway alone writes it",
		"set Sec-WebSocket-Accept: a":    "the gateway alone writes it",
		"set Sec-WebSocket-Version: 8":   "the gateway alone writes it",
	} {
		if got, err := http1.ParseRule(s); err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("%q: %+v %v, want %q", s, got, err, want)
		}
	}
}
