package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/gateway/auth"
	"weir/gateway/clientaddr"
)

// Messages is the kind of data message that clients may send.
type Messages string

const (
	MessagesAny    Messages = "any"
	MessagesText   Messages = "text"
	MessagesBinary Messages = "binary"
	MessagesJSON   Messages = "json" // text that is JSON
)

// UnmarshalText sets m, or fails on a word that is not known.
func (m *Messages) UnmarshalText(text []byte) error {
	return choose(m, text, MessagesAny, MessagesText, MessagesBinary, MessagesJSON)
}

// Compression is who compresses messages (permessage-deflate, RFC 7692).
type Compression string

const (
	CompressionPass    Compression = "pass"    // client and backend, if they agree on it
	CompressionGateway Compression = "gateway" // client and gateway; backends see none of it
	CompressionOff     Compression = "off"     // nobody
)

// UnmarshalText sets c, or fails on a word that is not known.
func (c *Compression) UnmarshalText(text []byte) error {
	return choose(c, text, CompressionPass, CompressionGateway, CompressionOff)
}

// Extensions is what becomes of WebSocket extensions that the gateway does not know.
type Extensions string

const (
	ExtensionsStrip Extensions = "strip" // taken out of offers
	ExtensionsPass  Extensions = "pass"  // for client and backend to agree on
)

// UnmarshalText sets e, or fails on a word that is not known.
func (e *Extensions) UnmarshalText(text []byte) error {
	return choose(e, text, ExtensionsStrip, ExtensionsPass)
}

// SlowReader is what befalls a client that does not take what it is sent.
type SlowReader string

const (
	SlowWait  SlowReader = "wait"
	SlowClose SlowReader = "close"
	SlowDrop  SlowReader = "drop"
)

// UnmarshalText sets p, or fails on a word that is not known.
func (p *SlowReader) UnmarshalText(text []byte) error {
	return choose(p, text, SlowWait, SlowClose, SlowDrop)
}

// AuthRefusal is how a WebSocket handshake without a good credential is answered.
type AuthRefusal string

const (
	RefuseHTTP  AuthRefusal = "http"  // 401 or 403
	RefuseClose AuthRefusal = "close" // 101, and a close frame at once
)

// UnmarshalText sets r, or fails on a word that is not known.
func (r *AuthRefusal) UnmarshalText(text []byte) error {
	return choose(r, text, RefuseHTTP, RefuseClose)
}

// AuthPreflight says whether a CORS preflight needs a credential.
type AuthPreflight string

const (
	PreflightPass  AuthPreflight = "pass"
	PreflightCheck AuthPreflight = "check"
)

// UnmarshalText sets p, or fails on a word that is not known.
func (p *AuthPreflight) UnmarshalText(text []byte) error {
	return choose(p, text, PreflightPass, PreflightCheck)
}

// RateAction is what befalls messages over a rate.
type RateAction string

const (
	RateClose RateAction = "close"
	RateDrop  RateAction = "drop"
	RatePause RateAction = "pause"
)

// UnmarshalText sets a, or fails on a word that is not known.
func (a *RateAction) UnmarshalText(text []byte) error {
	return choose(a, text, RateClose, RateDrop, RatePause)
}

// limitsMessages tells whether messages are counted.
func (c *Config) limitsMessages() bool {
	return c.MessageRate.N > 0 || c.MessageRateUser.N > 0 || c.MessageRateIP.N > 0 || c.MessageRateRoute.N > 0
}

// negativeTTL bounds how long a refusal of auth-url counts, so that who is let in at last need not wait long.
const negativeTTL = 10 * time.Second

// Auth are the options of the route's authentication; nil where none is asked for.
func (c *Config) Auth() (*auth.Options, error) {
	o := &auth.Options{Optional: c.AuthOptional}
	var problems []error
	if c.JWTKeys != "" || c.JWTJWKSURL != "" {
		from, err := each(c.JWTFrom, auth.ParseSource)
		headers, err2 := each(c.JWTHeader, parseClaimHeader)
		problems = append(problems, err, err2)
		o.JWT = &auth.JWT{Algorithms: c.JWTAlgorithm, KeyFile: c.JWTKeys, URL: c.JWTJWKSURL, From: from, Issuers: c.JWTIssuer,
			Audiences: c.JWTAudience, Leeway: c.JWTLeeway, AllowEndless: c.JWTEndless, Headers: headers}
	}
	if c.AuthURL != "" {
		o.Forward = &auth.Forward{URL: c.AuthURL, Timeout: c.AuthTimeout, ResponseHeaders: c.AuthHeader, SubjectHeader: c.AuthUserHeader,
			TTL: c.AuthCache, NegativeTTL: min(c.AuthCache, negativeTTL)}
	}
	if c.APIKeys != "" {
		o.Keys = &auth.Keys{File: c.APIKeys}
	}
	if c.BasicUsers != "" {
		o.Basic = &auth.Basic{File: c.BasicUsers}
	}
	if o.JWT == nil && o.Forward == nil && o.Keys == nil && o.Basic == nil {
		return nil, errors.Join(problems...)
	}
	return o, errors.Join(problems...)
}

func parseClaimHeader(text string) (auth.ClaimHeader, error) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return auth.ClaimHeader{}, fmt.Errorf("%q is not 'CLAIM NAME', such as 'sub X-User'", text)
	}
	return auth.ClaimHeader{Claim: words[0], Header: words[1]}, nil
}

// Networks are the addresses that may connect; nil where all may.
func (c *Config) Networks() *clientaddr.Sources {
	s := &clientaddr.Sources{Allow: c.Allow, AllowFile: c.AllowFile, Deny: c.Deny, DenyFile: c.DenyFile}
	if len(c.Allow) == 0 && c.AllowFile == "" && len(c.Deny) == 0 && c.DenyFile == "" {
		return nil
	}
	return s
}
