package auth

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// maxToken bounds a token, in bytes. A head of usual limits has no room for more.
const maxToken = 8 << 10

// token is a JWS in compact form (RFC 7515 section 7.1), nothing of it verified.
type token struct {
	alg, kid  string
	signed    string // what the signature covers
	payload   string // still encoded: nothing of it is read before the signature is verified
	signature []byte
}

// parseToken splits a token and reads its header. fault says what is wrong, "" for nothing.
func parseToken(b []byte) (t token, fault string) {
	switch {
	case len(b) > maxToken:
		return t, "the token is longer than 8 KiB"
	case bytes.Count(b, []byte{'.'}) != 2:
		return t, "the token has not three parts"
	}
	text := string(b)
	last := strings.LastIndexByte(text, '.')
	t.signed = text[:last]
	head, payload, _ := strings.Cut(t.signed, ".")
	t.payload = payload
	header, fault := decodeObject(head)
	if fault != "" {
		return t, "the token's header " + fault
	}
	if t.signature, fault = decode(text[last+1:]); fault != "" {
		return t, "the token's signature " + fault
	}
	alg, isText := header["alg"].(string)
	kid, hasKid := header["kid"]
	var kidIsText bool
	t.alg = alg
	t.kid, kidIsText = kid.(string)
	_, critical := header["crit"]
	switch {
	case !isText:
		return t, "the token's header has no alg"
	case hasKid && !kidIsText:
		return t, "the token's kid is no string"
	case critical: // RFC 7515 section 4.1.11: we understand no extension
		return t, "the token has a critical extension"
	}
	return t, ""
}

func decodeObject(part string) (object map[string]any, fault string) {
	b, fault := decode(part)
	if fault != "" {
		return nil, fault
	}
	object, err := parseObject(b)
	if err != nil {
		return nil, err.Error()
	}
	return object, ""
}

var strict = base64.RawURLEncoding.Strict()

// decode is strict, as a token should have one form. encoding/base64 skips line ends, which are refused here.
func decode(part string) (b []byte, fault string) {
	b, err := strict.DecodeString(part)
	if err != nil || strings.ContainsAny(part, "\r\n") {
		return nil, "is not base64url"
	}
	return b, ""
}
