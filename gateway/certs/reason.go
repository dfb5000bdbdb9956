package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Reasons why a handshake fails, as labels of a metric.
const (
	ClientCertificateMissing = "client_certificate_missing"
	ClientCertificateInvalid = "client_certificate_invalid" // expired, of an unknown authority, not the client's own
	UnknownName              = "unknown_name"               // also: an ACME challenge nobody set
	NoCommonVersion          = "no_common_version"
	NoCommonSuite            = "no_common_suite" // or curve, or signature algorithm
	NoCommonProtocol         = "no_common_protocol"
	NotTLS                   = "not_tls"      // such as plain HTTP
	Garbage                  = "garbage"      // begins as TLS and breaks its rules
	ClientAlert              = "client_alert" // the client gave up, often over the certificate
	ClientGone               = "client_gone"
	TimedOut                 = "timeout"
	Other                    = "other"
)

// Reasons are all that Reason answers.
var Reasons = [...]string{ClientCertificateMissing, ClientCertificateInvalid, UnknownName, NoCommonVersion, NoCommonSuite,
	NoCommonProtocol, NotTLS, Garbage, ClientAlert, ClientGone, TimedOut, Other}

// Reason names why a server's handshake failed with err.
func Reason(err error) string {
	var (
		verify *tls.CertificateVerificationError
		header tls.RecordHeaderError
		op     *net.OpError
		netErr net.Error
	)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ClientGone
	case errors.As(err, &verify):
		return ClientCertificateInvalid
	case errors.As(err, &header):
		if header.Conn != nil { // set for a first record that is none
			return NotTLS
		}
		return Garbage
	case errors.As(err, &op) && op.Op == "remote error":
		return ClientAlert
	case errors.As(err, &op) && op.Op == "local error": // an alert sent for a broken record
		if op.Err.Error() == "tls: internal error" {
			return Other
		}
		return Garbage
	case errors.As(err, &netErr) && netErr.Timeout():
		return TimedOut
	}
	return reasonOfText(err)
}

// texts are how crypto/tls begins errors that have no type. TestReason meets those that a client can bring about, so
// that a version of Go with other words fails it.
var texts = []struct{ prefix, reason string }{
	{"tls: client didn't provide a certificate", ClientCertificateMissing},
	{"tls: failed to parse client certificate", ClientCertificateInvalid},
	{"tls: client sent certificate", ClientCertificateInvalid},
	{"tls: client certificate", ClientCertificateInvalid},
	{"tls: invalid signature by the client certificate", ClientCertificateInvalid},
	{"tls: no certificates configured", UnknownName},
	{"tls: client offered only unsupported versions", NoCommonVersion},
	{"tls: client using inappropriate protocol fallback", NoCommonVersion},
	{"tls: no cipher suite supported by both", NoCommonSuite},
	{"tls: no key exchanges supported by both", NoCommonSuite},
	{"tls: no supported elliptic curves offered", NoCommonSuite},
	{"tls: client offered only incompatible point formats", NoCommonSuite},
	{"tls: peer doesn't support any of the certificate's signature algorithms", NoCommonSuite},
	{"tls: missing signature_algorithms", NoCommonSuite},
	{"tls: client requested unsupported application protocols", NoCommonProtocol},
	{"tls: received unexpected handshake message", Garbage},
	{"tls: handshake message of length", Garbage},
	{"tls: too many", Garbage},
	{"tls: invalid", Garbage},
	{"tls: client", Garbage},
}

func reasonOfText(err error) string {
	if err != nil {
		for _, t := range texts {
			if strings.HasPrefix(err.Error(), t.prefix) {
				return t.reason
			}
		}
	}
	return Other
}
