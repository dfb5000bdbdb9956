package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// udpSize is what fits into one packet nearly everywhere.
const udpSize = 1232

var (
	errMismatch = errors.New("the server answers another question")
	errShort    = errors.New("the answer has fewer records than it says")
)

// exchange asks one server one question. An answer without an error says whether there is a record. A temporary error
// leaves that open. Other errors are servers that do not want to answer this question, which Go's resolver passes over too.
func (r *Resolver) exchange(ctx context.Context, timeout time.Duration, server string, tcp bool, fqdn string, qtype uint16) (*dns.Msg, *net.DNSError) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	query := new(dns.Msg).SetQuestion(fqdn, qtype).SetEdns0(udpSize, false)
	var m *dns.Msg
	var err error
	if !tcp {
		m, err = r.roundTrip(ctx, "udp", server, query)
	}
	if tcp || m != nil && m.Truncated {
		m, err = r.roundTrip(ctx, "tcp", server, query)
	}
	if err != nil {
		var timeout net.Error
		return nil, &net.DNSError{UnwrapErr: err, Err: err.Error(), IsTemporary: true,
			IsTimeout: errors.As(err, &timeout) && timeout.Timeout()}
	}
	return m, refusal(m)
}

// refusal is the error of a message that does not say whether there is a record; nil: it does.
func refusal(m *dns.Msg) *net.DNSError {
	switch m.Rcode {
	case dns.RcodeNameError:
		return nil
	case dns.RcodeSuccess:
		// A server that is not authoritative and does not resolve names has nothing to say, see libc's res_send.
		if len(m.Answer) == 0 && len(m.Extra) == 0 && !m.Authoritative && !m.RecursionAvailable {
			return &net.DNSError{Err: "lame referral"}
		}
		return nil
	}
	return &net.DNSError{
		Err:         "server misbehaving: " + dns.RcodeToString[m.Rcode],
		IsTemporary: m.Rcode == dns.RcodeServerFailure,
	}
}

// roundTrip sends a query and returns the answer to it. There is a message beside the error if the answer cannot be parsed
// beyond its question.
func (r *Resolver) roundTrip(ctx context.Context, network, server string, query *dns.Msg) (*dns.Msg, error) {
	socket, err := r.dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = socket.Close() }()
	defer context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })()
	conn := &dns.Conn{Conn: socket, UDPSize: udpSize}
	if err := conn.WriteMsg(query); err != nil {
		return nil, err
	}
	for {
		packet, err := conn.ReadMsgHeader(nil)
		if err != nil && !errors.Is(err, dns.ErrShortRead) {
			return nil, err
		}
		m := new(dns.Msg)
		if err == nil {
			err = unpack(m, packet)
		}
		if isAnswer(m, query) {
			return m, err
		}
		if network == "tcp" {
			return nil, errMismatch
		}
		// A packet that nobody asked for may be forged: the true answer is still to come.
	}
}

// unpack parses a message, and refuses one with fewer answers than it promises.
func unpack(m *dns.Msg, packet []byte) error {
	if err := m.Unpack(packet); err != nil {
		return err
	}
	if int(binary.BigEndian.Uint16(packet[6:])) != len(m.Answer) {
		return errShort
	}
	return nil
}

// isAnswer tells whether a message answers the query. Servers that do not understand a query may leave out its question.
func isAnswer(m, query *dns.Msg) bool {
	if !m.Response || m.Id != query.Id {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
	}
	is, want := m.Question[0], query.Question[0]
	return is.Qtype == want.Qtype && is.Qclass == want.Qclass && strings.EqualFold(is.Name, want.Name)
}
