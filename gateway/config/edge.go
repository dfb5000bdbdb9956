package config

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
)

// Mode is a file's permissions. As text: octal digits, as "0660".
type Mode fs.FileMode

func (m Mode) String() string { return fmt.Sprintf("%#04o", uint32(m)) }

// UnmarshalText sets m, or fails on what is not octal or more than permissions.
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 32)
	if err != nil || n > uint64(fs.ModePerm) {
		return fmt.Errorf("%q is not a file's mode; write octal digits, such as 0660", text)
	}
	*m = Mode(n)
	return nil
}

// TLSVersion is a version of TLS by its number in crypto/tls. As text: "1.2" or "1.3".
type TLSVersion uint16

func (v TLSVersion) String() string {
	switch v {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return fmt.Sprintf("%#04x", uint16(v))
}

// UnmarshalText sets v, or fails on an older version or what is none.
func (v *TLSVersion) UnmarshalText(text []byte) error {
	switch string(text) {
	case "1.2":
		*v = tls.VersionTLS12
	case "1.3":
		*v = tls.VersionTLS13
	default:
		return fmt.Errorf("%q is not 1.2 or 1.3", text)
	}
	return nil
}

// UnknownName says what a client gets that asks for a server name without a certificate.
type UnknownName string

const (
	UnknownDefault UnknownName = "default" // the default certificate
	UnknownReject  UnknownName = "reject"  // an alert
)

// UnmarshalText sets u, or fails on an answer that is not known.
func (u *UnknownName) UnmarshalText(text []byte) error {
	return choose(u, text, UnknownDefault, UnknownReject)
}

// ClientAuth says whether a client is to show a certificate.
type ClientAuth string

const (
	ClientAuthOff     ClientAuth = "off"
	ClientAuthAsk     ClientAuth = "ask" // checked if one is sent
	ClientAuthRequire ClientAuth = "require"
)

// UnmarshalText sets a, or fails on a word that is not known.
func (a *ClientAuth) UnmarshalText(text []byte) error {
	return choose(a, text, ClientAuthOff, ClientAuthAsk, ClientAuthRequire)
}

// RequireTLS says what becomes of requests without TLS.
type RequireTLS string

const (
	RequireTLSOff      RequireTLS = "off"
	RequireTLSRedirect RequireTLS = "redirect"
	RequireTLSRefuse   RequireTLS = "refuse"
)

// UnmarshalText sets r, or fails on a word that is not known.
func (r *RequireTLS) UnmarshalText(text []byte) error {
	return choose(r, text, RequireTLSOff, RequireTLSRedirect, RequireTLSRefuse)
}

// PathEncoded says what becomes of paths that servers read in different ways.
type PathEncoded string

const (
	EncodedRefuse PathEncoded = "refuse"
	EncodedPass   PathEncoded = "pass" // if every reading leads to the same route
)

// UnmarshalText sets p, or fails on a word that is not known.
func (p *PathEncoded) UnmarshalText(text []byte) error {
	return choose(p, text, EncodedRefuse, EncodedPass)
}

// HalfClose says what becomes of a client that ends its direction behind a plain request.
type HalfClose string

const (
	HalfCloseAnswer HalfClose = "answer"
	HalfCloseCut    HalfClose = "cut"
)

// UnmarshalText sets h, or fails on a word that is not known.
func (h *HalfClose) UnmarshalText(text []byte) error {
	return choose(h, text, HalfCloseAnswer, HalfCloseCut)
}

// SameSite is a cookie's attribute of that name.
type SameSite string

const (
	SameSiteLax    SameSite = "lax"
	SameSiteStrict SameSite = "strict"
	SameSiteNone   SameSite = "none"
)

// UnmarshalText sets s, or fails on a word that is not known.
func (s *SameSite) UnmarshalText(text []byte) error {
	return choose(s, text, SameSiteLax, SameSiteStrict, SameSiteNone)
}

// HTTP is the same for net/http.
func (s SameSite) HTTP() http.SameSite {
	switch s {
	case SameSiteStrict:
		return http.SameSiteStrictMode
	case SameSiteNone:
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}
