package config_test

import (
	"crypto/tls"
	"net/http"
	"reflect"
	"testing"

	"weir/codec/http1"
	"weir/gateway/config"
)

func TestRewrite(t *testing.T) {
	for rule, want := range map[string]map[string]string{
		"^/chat/(.*)$ /$1":                {"/chat/a/b": "/a/b", "/chat/": "/", "/chatter": ""},
		"/b/(.*)$ $1":                     {"/a/b/c": "/c", "/a/b/": "/"},
		"^/v[0-9]+(/.*)$ $1":              {"/v12/x": "/x"},
		"^/(?P<who>[a-z]+)/.* /u/${who}1": {"/ann/x": "/u/ann1"},
		"^/price /$$1":                    {"/price": "/$1"},
	} {
		c := config.Config{PathRewrite: rule}
		rewrite, err := c.Rewrite()
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		for path, want := range want {
			if got := string(rewrite([]byte(path))); got != want {
				t.Errorf("%s: %s becomes %q, want %q", rule, path, got, want)
			}
		}
	}
	if rewrite, err := config.Default().Rewrite(); rewrite != nil || err != nil {
		t.Errorf("without a rule: %v", err)
	}
}

func TestTLSNumbers(t *testing.T) {
	c := config.Config{TLSCiphers: []string{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}, TLSCurves: []string{"X25519MLKEM768", "P-256"}}
	if got, err := c.CipherSuites(); err != nil || !reflect.DeepEqual(got, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}) {
		t.Errorf("suites %v, %v", got, err)
	}
	if got, err := c.Curves(); err != nil || !reflect.DeepEqual(got, []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}) {
		t.Errorf("curves %v, %v", got, err)
	}
	none := config.Default()
	suites, err := none.CipherSuites()
	curves, err2 := none.Curves()
	if suites != nil || curves != nil || err != nil || err2 != nil {
		t.Errorf("with none given: %v, %v", suites, curves)
	}
}

func TestHeaderRulesHoldWhatTheKnobsSay(t *testing.T) {
	c := config.Default()
	c.RequestHeader, c.UpstreamHost, c.ForwardedStandard, c.TLSClientHeader = []string{"remove X-A"}, "inner", true, "X-Client"
	rules, err := c.HeaderRules()
	want := http1.Rules{Request: []http1.Rule{{Op: http1.Remove, Name: "X-A"}}, Host: "inner", Forwarded: true, Standard: true, Identity: "X-Client"}
	if err != nil || !reflect.DeepEqual(rules, want) {
		t.Errorf("got %+v, %v", rules, err)
	}
}

func TestSameSiteForHTTP(t *testing.T) {
	for s, want := range map[config.SameSite]http.SameSite{
		config.SameSiteLax: http.SameSiteLaxMode, config.SameSiteStrict: http.SameSiteStrictMode, config.SameSiteNone: http.SameSiteNoneMode,
	} {
		if s.HTTP() != want {
			t.Errorf("%s is %v", s, s.HTTP())
		}
	}
}

func TestListenOff(t *testing.T) {
	c, err := config.Load([]string{"--demo", "--listen=off", "--tls-listen=:0", "--tls-cert=a", "--tls-key=b"}, nil)
	if err != nil || len(c.Listen) != 0 || len(c.TLSListen) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := config.Load([]string{"--demo", "--listen=off"}, nil); err == nil || err.Error() != "--listen: no address given; write one such as :8080" {
		t.Errorf("nothing to listen on: %v", err)
	}
}
