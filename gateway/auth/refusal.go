package auth

import (
	"strings"

	"weir/codec/http1"
)

// Why a client is not let in. A Policy's outcomes hold copies with its challenges, made once.
var (
	Missing     = refusal(401, "auth_missing", "A credential is needed here, and the request has none.")
	Invalid     = refusal(401, "auth_invalid", "The credential is not valid here.")
	Expired     = refusal(401, "auth_expired", "The credential has expired: get a new one.")
	Forbidden   = refusal(403, "auth_forbidden", "The credential does not allow this.")
	Unavailable = refusal(503, "auth_unavailable", "The credential cannot be checked now; try again later.", "Retry-After: 1\r\n")
)

// Refusals are all that an Outcome can have, by their reasons.
var Refusals []*http1.Refusal

func refusal(status int, reason, text string, header ...string) *http1.Refusal {
	r := &http1.Refusal{Status: status, Reason: reason, Text: text, Header: strings.Join(header, "")}
	Refusals = append(Refusals, r)
	return r
}

// bearerAnswers are refusals with the challenges of RFC 6750 section 3.
type bearerAnswers struct{ invalid, expired *http1.Refusal }

// The challenges of RFC 6750 section 3 and RFC 7617 section 2. None is registered for keys, but a 401 has to have one (RFC 9110
// section 15.5.2); nor for what a service looks at that names none, which most likely is a token.
const (
	bearerChallenge = "Bearer"
	basicChallenge  = `Basic realm="weir", charset="UTF-8"`
	keyChallenge    = `ApiKey realm="weir"`
)

var bearers = bearerAnswers{
	invalid: with(Invalid, bearerChallenge+` error="invalid_token"`),
	expired: with(Expired, bearerChallenge+` error="invalid_token", error_description="the token has expired"`),
}

// with adds one more challenge (RFC 9110 section 11.6.1).
func with(why *http1.Refusal, challenge string) *http1.Refusal {
	r := *why
	r.Header += "WWW-Authenticate: " + challenge + "\r\n"
	return &r
}
