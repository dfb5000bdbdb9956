package config_test

import (
	"crypto/tls"
	"reflect"
	"testing"

	"weir/gateway/config"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]config.Size{
		"0": 0, "1": 1, "65536": 65536, "64KiB": 65536, "64K": 65536, "64 kb": 65536, "10B": 10, "1MiB": 1 << 20, "3GiB": 3 << 30,
	} {
		var s config.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: %d, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "-1", "KiB", "1.5MiB", "1TiB", "1KiBKiB", "9223372036854775808", "9007199254740993KiB", "1BK", "0x10", "1_0"} {
		s := config.Size(7)
		if err := s.UnmarshalText([]byte(text)); err == nil || s != 7 {
			t.Errorf("%q is taken as %d", text, s)
		}
	}
	for s, want := range map[config.Size]string{0: "0", 1000: "1000", 1024: "1KiB", 1536: "1536", 1 << 20: "1MiB", 5 << 30: "5GiB"} {
		if s.String() != want {
			t.Errorf("%d is written %s", int64(s), s)
		}
	}
}

func TestHashOn(t *testing.T) {
	for text, want := range map[string]config.HashOn{
		"client-ip": {By: config.HashClientIP}, "path": {By: config.HashPath}, "random": {By: config.HashRandom},
		"header:x-user": {By: config.HashHeader, Name: "X-User"}, "cookie:sid": {By: config.HashCookie, Name: "sid"},
		"query:room": {By: config.HashQuery, Name: "room"},
	} {
		var h config.HashOn
		if err := h.UnmarshalText([]byte(text)); err != nil || h != want {
			t.Errorf("%s: %v, %v", text, h, err)
		}
	}
	for text, want := range map[string]string{
		"":             `"" is not client-ip, path, header:NAME, cookie:NAME, query:NAME, claim:NAME or random`,
		"ip":           `"ip" is not client-ip, path, header:NAME, cookie:NAME, query:NAME, claim:NAME or random`,
		"header":       `"header" lacks a name; write header:NAME`,
		"cookie:":      `"cookie:" lacks a name; write cookie:NAME`,
		"header:a b":   `"a b" is not a header's name`,
		"path:":        `"path:" takes no name; write path`,
		"client-ip:v4": `"client-ip:v4" takes no name; write client-ip`,
	} {
		var h config.HashOn
		if err := h.UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEdgeTypes(t *testing.T) {
	type text interface{ UnmarshalText([]byte) error }
	tests := []struct {
		into text
		good string
		want any
		bad  map[string]string
	}{
		{new(config.Mode), "0660", config.Mode(0o660), map[string]string{
			"":      `"" is not a file's mode; write octal digits, such as 0660`,
			"0o660": `"0o660" is not a file's mode; write octal digits, such as 0660`,
			"1777":  `"1777" is not a file's mode; write octal digits, such as 0660`,
			"0999":  `"0999" is not a file's mode; write octal digits, such as 0660`}},
		{new(config.TLSVersion), "1.2", config.TLSVersion(tls.VersionTLS12), map[string]string{"1.1": `"1.1" is not 1.2 or 1.3`, "TLS1.3": `"TLS1.3" is not 1.2 or 1.3`}},
		{new(config.UnknownName), "reject", config.UnknownReject, map[string]string{"no": `"no" is not default or reject`}},
		{new(config.ClientAuth), "require", config.ClientAuthRequire, map[string]string{"on": `"on" is not off, ask or require`}},
		{new(config.RequireTLS), "redirect", config.RequireTLSRedirect, map[string]string{"true": `"true" is not off, redirect or refuse`}},
		{new(config.HalfClose), "cut", config.HalfCloseCut, map[string]string{"wait": `"wait" is not answer or cut`}},
		{new(config.SameSite), "none", config.SameSiteNone, map[string]string{"Lax": `"Lax" is not lax, strict or none`}},
		{new(config.AccessLog), "json", config.AccessJSON, map[string]string{"": `"" is not text, json or off`}},
	}
	for _, test := range tests {
		if err := test.into.UnmarshalText([]byte(test.good)); err != nil || reflect.ValueOf(test.into).Elem().Interface() != test.want {
			t.Errorf("%T: %s is read as %v, %v", test.into, test.good, test.into, err)
		}
		for bad, want := range test.bad {
			if err := test.into.UnmarshalText([]byte(bad)); err == nil || err.Error() != want {
				t.Errorf("%T: %q: %v", test.into, bad, err)
			}
		}
		if reflect.ValueOf(test.into).Elem().Interface() != test.want {
			t.Errorf("%T: a bad text has changed it", test.into)
		}
	}
}

func FuzzTypes(f *testing.F) {
	for _, seed := range []string{"64KiB", "1 mb", "header:x-user", "path", "json", "-1", "KKKK"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, s2 config.Size
		if s.UnmarshalText([]byte(text)) == nil {
			if err := s2.UnmarshalText([]byte(s.String())); err != nil || s != s2 || s < 0 {
				t.Errorf("%q is %d, written %s, read back as %d, %v", text, int64(s), s, int64(s2), err)
			}
		}
		var h, h2 config.HashOn
		if h.UnmarshalText([]byte(text)) == nil {
			if err := h2.UnmarshalText([]byte(h.String())); err != nil || h != h2 {
				t.Errorf("%q is %v, read back as %v, %v", text, h, h2, err)
			}
		}
	})
}
