package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
)

// lowest is the first port that may be given; below are those of services.
const lowest = 10_000

// Addr is an address on loopback that nobody listens on, and that no other test is given before this one is over.
func Addr(t testing.TB) string { return on(t, "127.0.0.1") }

// Addr6 is the same in IPv6.
func Addr6(t testing.TB) string { return on(t, "::1") }

func on(t testing.TB, host string) string {
	t.Helper()
	ports := highest() - lowest
	for first, i := rand.IntN(ports), 0; i < ports; i++ {
		if port := strconv.Itoa(lowest + (first+i)%ports); take(t, port) && vacant(host, port) {
			return net.JoinHostPort(host, port)
		}
	}
	t.Fatal("no port is free")
	return ""
}

// take marks a port as taken until the test is over, if it is not yet.
func take(t testing.TB, port string) bool {
	mark, err := net.ListenPacket("udp4", "127.0.0.1:"+port)
	if err != nil {
		return false
	}
	t.Cleanup(func() { _ = mark.Close() })
	return true
}

// vacant tells whether nobody listens on a port.
func vacant(host, port string) bool {
	ln, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
}

// highest is the first port that the kernel gives to clients (Linux tells; elsewhere it is the IANA's).
func highest() int {
	first, last := 49152, 0
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(text), &first, &last)
	}
	return max(first, lowest+10_000)
}
