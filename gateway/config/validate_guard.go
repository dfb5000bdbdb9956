package config

import (
	"slices"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/clientaddr"
	"weir/gateway/origin"
	"weir/gateway/rate"
)

// guard checks who may connect, and how much they may send.
func (v *verdict) guard(c *Config) {
	_, err := origin.New(c.Origin, c.OriginRequired)
	v.reject("origin", err)
	_, err = clientaddr.ParseSet(c.Allow)
	v.reject("allow", err)
	_, err = clientaddr.ParseSet(c.Deny)
	v.reject("deny", err)
	v.jwt(c)
	v.authService(c)
	for _, count := range []struct {
		name string
		rate rate.Limit
	}{{"connection-rate", c.ConnectionRate}, {"auth-failure-rate", c.AuthFailureRate}, {"message-rate", c.MessageRate}, {"frame-rate", c.FrameRate}, {"message-rate-user", c.MessageRateUser},
		{"message-rate-ip", c.MessageRateIP}, {"message-rate-route", c.MessageRateRoute}} {
		if count.rate.Bytes {
			v.wrong(count.name, "counts messages, frames or handshakes, not bytes; write a number such as 100/60s")
		}
	}
	if c.RateCode != 1008 && (c.RateCode < 3000 || c.RateCode > 4999) {
		v.wrong("rate-code", "%d is not 1008 (policy violation) or from 3000 to 4999", c.RateCode)
	}
	for _, close := range []struct {
		name string
		code int
	}{{"backend-lost-code", c.BackendLostCode}, {"slow-reader-code", c.SlowReaderCode}, {"gather-memory-code", c.GatherMemoryCode},
		{"auth-unavailable-code", c.AuthUnavailableCode}} {
		if code := ws.StatusCode(close.code); code < 3000 && !frame.MayBeSent(code) {
			v.wrong(close.name, "%d is no code that a close frame may carry; write one of 1000 to 1003, 1007 to 1014 or 3000 to 4999", code)
		}
	}
}

// jwt has each knob's part of the options checked by itself, so that what is wrong is told of the right line.
func (v *verdict) jwt(c *Config) {
	check := func(name string, o auth.JWT) bool {
		if o.URL == "" {
			o.KeyFile = "-" // no file is opened
		}
		err := (&auth.Options{JWT: &o}).Check()
		v.reject(name, err)
		return err == nil
	}
	algorithms := []string{"EdDSA"}
	if len(c.JWTAlgorithm) > 0 && check("jwt-algorithm", auth.JWT{Algorithms: c.JWTAlgorithm}) {
		algorithms = c.JWTAlgorithm
	}
	if c.JWTJWKSURL != "" {
		check("jwt-jwks-url", auth.JWT{Algorithms: algorithms, URL: c.JWTJWKSURL})
	}
	if from, err := each(c.JWTFrom, auth.ParseSource); err != nil {
		v.reject("jwt-from", err)
	} else {
		check("jwt-from", auth.JWT{Algorithms: algorithms, From: from})
	}
	if headers, err := each(c.JWTHeader, parseClaimHeader); err != nil {
		v.reject("jwt-header", err)
	} else {
		check("jwt-header", auth.JWT{Algorithms: algorithms, Headers: headers})
	}
}

func (v *verdict) authService(c *Config) {
	check := func(name string, o auth.Forward) {
		if o.URL == "" {
			o.URL = "http://localhost" // nobody is called
		}
		v.reject(name, (&auth.Options{Forward: &o}).Check())
	}
	check("auth-url", auth.Forward{URL: c.AuthURL})
	check("auth-header", auth.Forward{ResponseHeaders: c.AuthHeader})
	check("auth-user-header", auth.Forward{SubjectHeader: c.AuthUserHeader})
}

// asked are knobs that ask for something, in the order of the knobs.
type asked []struct {
	name string
	yes  bool
}

// guardFits checks that what one knob asks for is given by another. Authentication that lost its keys would else be none
// at all, and nobody would hear of it.
func (v *verdict) guardFits(c *Config) {
	if c.JWTKeys != "" && c.JWTJWKSURL != "" {
		v.wrong("jwt-jwks-url", "keys come from a file already (jwt-keys); take one away")
	}
	if (c.JWTKeys != "" || c.JWTJWKSURL != "") && len(c.JWTAlgorithm) == 0 {
		v.wrong("jwt-algorithm", "no algorithm is named; write those that the issuer signs with, such as ES256")
	}
	if c.JWTKeys == "" && c.JWTJWKSURL == "" && !c.declined("jwt-keys", "jwt-jwks-url") {
		v.first(asked{{"jwt-algorithm", len(c.JWTAlgorithm) > 0}, {"jwt-issuer", len(c.JWTIssuer) > 0}, {"jwt-audience", len(c.JWTAudience) > 0},
			{"jwt-endless", c.JWTEndless}, {"jwt-from", len(c.JWTFrom) > 0}, {"jwt-header", len(c.JWTHeader) > 0}},
			`there are no keys to check tokens by; write jwt-keys or jwt-jwks-url, or in a route that needs none jwt-keys: off`)
	}
	if c.AuthURL == "" && !c.declined("auth-url") {
		v.first(asked{{"auth-cache", c.AuthCache > 0}, {"auth-header", len(c.AuthHeader) > 0}, {"auth-user-header", c.AuthUserHeader != ""}},
			`there is no service to ask; write auth-url, or in a route that needs none auth-url: off`)
	}
	o, _ := c.Auth()
	if o == nil && c.HashOn.By == HashClaim {
		v.wrong("hash-on", "%s needs authentication, which gives the claims", c.HashOn)
	}
	if o == nil && !c.declined("jwt-keys", "jwt-jwks-url", "auth-url", "api-keys", "basic-users") {
		v.first(asked{{"auth-optional", c.AuthOptional}, {"auth-strip", c.AuthStrip}},
			"no authentication is asked for; write jwt-keys, jwt-jwks-url, auth-url, api-keys or basic-users")
		v.first(asked{{"message-rate-user", c.MessageRateUser.N > 0}, {"byte-rate-user", c.ByteRateUser.N > 0}},
			"users are told apart by authentication, and none is asked for")
	}
	if o != nil {
		v.claims(c, o)
	}
}

// declined tells whether one of these knobs, none of which has a value, was switched off in so many words.
func (c *Config) declined(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return c.places[name] != "" })
}

func (v *verdict) first(all asked, problem string) {
	for _, a := range all {
		if a.yes {
			v.wrong(a.name, "%s", problem)
			return
		}
	}
}

// claims refuses rules on what authentication alone tells backends.
func (v *verdict) claims(c *Config, o *auth.Options) {
	claimed := map[string]string{} // by whom, by name
	if o.JWT != nil {
		for _, h := range o.JWT.Headers {
			claimed[h.Header] = "jwt-header"
		}
	}
	if o.Forward != nil {
		for _, name := range o.Forward.ResponseHeaders {
			claimed[name] = "auth-header"
		}
	}
	rules, _ := each(c.RequestHeader, http1.ParseRule)
	for _, rule := range rules {
		for name, by := range claimed {
			if rule.Op != http1.Remove && http1.Alike([]byte(rule.Name), name) {
				v.wrong("request-header", "%s carries the verified identity (%s); a rule cannot set it", rule.Name, by)
			}
		}
	}
}
