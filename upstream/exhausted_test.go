package upstream

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"weir/codec/http1"
	"weir/netpoll"
)

// refused is how package net tells why a connect failed.
func refused(errno syscall.Errno) error {
	return fmt.Errorf("check: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)})
}

// What this machine lacks is told apart from what the endpoint does.
func TestExhausted(t *testing.T) {
	loopback := netpoll.IP(netip.MustParseAddrPort("127.0.0.1:1"))
	for errno, want := range map[syscall.Errno]*http1.Refusal{
		syscall.EMFILE: RefusedSockets, syscall.ENFILE: RefusedSockets, syscall.ENOBUFS: RefusedSockets, syscall.ENOMEM: RefusedSockets,
		syscall.EADDRNOTAVAIL: RefusedPorts,
		syscall.ECONNREFUSED:  nil, syscall.ETIMEDOUT: nil, syscall.ENETUNREACH: nil, syscall.EAGAIN: nil,
	} {
		for _, err := range []error{errno, refused(errno)} {
			if got := Exhausted(err, loopback); got != want {
				t.Errorf("%v: %v, want %v", err, got, want)
			}
		}
	}
	if Exhausted(syscall.EADDRNOTAVAIL, netpoll.Unix("/a")) != nil || Exhausted(nil, loopback) != nil {
		t.Error("a unix socket has run out of ports, or nothing has happened")
	}
}

// Checks and connects that fail so leave the endpoint as it was.
func TestExhaustionSaysNothingOfTheEndpoint(t *testing.T) {
	p := newPatient(true)
	for range 10 {
		p.check(refused(syscall.EMFILE))
		p.check(refused(syscall.EADDRNOTAVAIL))
	}
	if why, _ := p.LastError(); !p.Healthy() || p.Stats().CheckFailures != 0 || why != "" {
		t.Errorf("%+v, %q", p.Stats(), why)
	}
}

// Without a port for one endpoint there may be one for another; without a socket there is none for any.
func TestSessionsWithoutPorts(t *testing.T) {
	for _, scheme := range []string{"ws", "h2c"} {
		r := newRig(t, nil, listen(t).url(scheme), listen(t).url(scheme))
		for errno, goesOn := range map[syscall.Errno]bool{syscall.EADDRNOTAVAIL: true, syscall.EMFILE: false} {
			r.do(func() {
				e, other := r.dialer.Group.Endpoints()[0], r.dialer.Group.Endpoints()[1]
				a := &Attempt{links: r.links, endpoint: e, tried: []*Endpoint{e}}
				e.Acquire()
				why := a.unreached(errno)
				if (why == nil) != goesOn || goesOn && a.endpoint != other || e.Active() != 0 || e.Stats().ConnectFailures != 0 {
					t.Errorf("%s, %v: %v at %v, %+v", scheme, errno, why, a.endpoint, e.Stats())
				}
				a.drop()
			})
		}
		r.do(func() {
			p := r.links.pool(r.dialer.Group.Endpoints()[0])
			p.unreached(syscall.EADDRNOTAVAIL)
			if n := p.endpoint.Stats().ConnectFailures; n != 0 {
				t.Errorf("a pool counts %d failures", n)
			}
		})
	}
}
