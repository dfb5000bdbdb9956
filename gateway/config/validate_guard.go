package config

import (
	"weir/gateway/clientaddr"
	"weir/gateway/origin"
)

// guard checks who may connect, and how much they may send.
func (v *verdict) guard(c *Config) {
	_, err := origin.New(c.Origin, c.OriginRequired)
	v.reject("origin", err)
	_, err = clientaddr.ParseSet(c.Allow)
	v.reject("allow", err)
	_, err = clientaddr.ParseSet(c.Deny)
	v.reject("deny", err)
	o, err := c.Auth()
	v.reject("jwt-from", err)
	switch {
	case c.JWTKeys != "" && c.JWTJWKSURL != "":
		v.wrong("jwt-jwks-url", "keys come from a file already (jwt-keys); take one away")
	case (c.JWTKeys != "" || c.JWTJWKSURL != "") && len(c.JWTAlgorithm) == 0:
		v.wrong("jwt-algorithm", "no algorithm is named; write those that the issuer signs with, such as ES256")
	case o == nil && c.HashOn.By == HashClaim:
		v.wrong("hash-on", "%s needs authentication, which gives the claims", c.HashOn)
	case o == nil && c.AuthOptional:
		v.wrong("auth-optional", "no authentication is asked for that could be left out")
	}
	for name, limit := range map[string]bool{"connection-rate": c.ConnectionRate.Bytes, "message-rate": c.MessageRate.Bytes,
		"frame-rate": c.FrameRate.Bytes, "message-rate-user": c.MessageRateUser.Bytes, "message-rate-ip": c.MessageRateIP.Bytes, "message-rate-route": c.MessageRateRoute.Bytes} {
		if limit {
			v.wrong(name, "counts messages, frames or handshakes, not bytes; write a number such as 100/60s")
		}
	}
	for name, n := range map[string]float64{"message-rate-user": c.MessageRateUser.N, "byte-rate-user": c.ByteRateUser.N} {
		if o == nil && n > 0 {
			v.wrong(name, "users are told apart by authentication, and none is asked for")
		}
	}
	if c.RateCode != 1008 && (c.RateCode < 3000 || c.RateCode > 4999) {
		v.wrong("rate-code", "%d is not 1008 (policy violation) or from 3000 to 4999", c.RateCode)
	}
}
