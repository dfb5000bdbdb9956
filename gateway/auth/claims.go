package auth

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/codec/http1"
)

// claimCheck holds what is asked of a token whose signature is good. Immutable.
type claimCheck struct {
	validator *jwt.Validator // exp, nbf and aud
	leeway    time.Duration
	issuers   []string
}

func newClaimCheck(o *JWT, now func() time.Time) claimCheck {
	rules := []jwt.ParserOption{jwt.WithLeeway(o.Leeway), jwt.WithTimeFunc(now)}
	if !o.AllowEndless {
		rules = append(rules, jwt.WithExpirationRequired())
	}
	if len(o.Audiences) > 0 {
		rules = append(rules, jwt.WithAudience(o.Audiences...))
	}
	return claimCheck{jwt.NewValidator(rules...), o.Leeway, o.Issuers}
}

// apply checks id's claims and reads Subject and Expires from them.
func (c *claimCheck) apply(id *Identity) (why *http1.Refusal, detail string) {
	for _, date := range [...]struct {
		name   string
		orZero bool
	}{{"exp", false}, {"nbf", true}, {"iat", true}} {
		if v, ok := id.Claims[date.name]; ok && !isDate(v, date.orZero) {
			return bearers.invalid, "exp, nbf or iat is no date"
		}
	}
	if err := c.validator.Validate(jwt.MapClaims(id.Claims)); err != nil {
		return classify(err)
	}
	if issuer, _ := id.Claims["iss"].(string); len(c.issuers) > 0 && !slices.Contains(c.issuers, issuer) {
		return bearers.invalid, "another issuer"
	}
	if exp, ok := id.Claims["exp"].(json.Number); ok {
		seconds, _ := exp.Float64()
		id.Expires = time.Unix(int64(seconds), 0).Add(c.leeway)
	}
	id.Subject, _ = scalar(id.Claims["sub"])
	return nil, ""
}

// classify names what the library found. A token that is wrong otherwise too is not called expired: a new one of its
// kind would not help.
func classify(err error) (*http1.Refusal, string) {
	is := func(kind error) bool { return errors.Is(err, kind) }
	switch {
	case is(jwt.ErrTokenInvalidAudience):
		return bearers.invalid, "another audience"
	case is(jwt.ErrTokenRequiredClaimMissing):
		return bearers.invalid, "exp or aud is missing"
	case is(jwt.ErrTokenNotValidYet):
		return bearers.invalid, "not valid yet"
	case is(jwt.ErrTokenExpired):
		return bearers.expired, "expired"
	}
	return bearers.invalid, "malformed claims"
}

// isDate tells a NumericDate (RFC 7519 section 2) before the year 10000: sums with larger ones overflow. Zero is what some
// issuers write for "always"; as an end it would mean "never" to the library.
func isDate(v any, orZero bool) bool {
	const end = 253402300800
	n, ok := v.(json.Number)
	seconds, err := n.Float64()
	return ok && err == nil && (seconds > 0 || orZero && seconds == 0) && seconds < end
}
