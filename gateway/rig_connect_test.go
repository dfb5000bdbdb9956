package gateway_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"weir/gateway/config"
)

const (
	offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
	settled       = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
)

// tlsRecord is what a read may bring beyond a read buffer: a record that was begun by the one before.
const tlsRecord = 16 << 10

// startTLS runs a gateway that speaks TLS as well, with a certificate for weir.test, and plain HTTP beside WebSocket.
func startTLS(t testing.TB, change func(*config.Config), backends ...string) *rig {
	t.Helper()
	return startTLSLogging(t, io.Discard, change, backends...)
}

func startTLSLogging(t testing.TB, w io.Writer, change func(*config.Config), backends ...string) *rig {
	t.Helper()
	dir := t.TempDir()
	ca, cert, key := newAuthority(t), filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ca.server(cert, key, "weir.test", "*.weir.test")
	r := startLogging(t, w, func(cfg *config.Config) {
		cfg.TLSListen, cfg.TLSCert, cfg.TLSKey = []string{"127.0.0.1:0"}, []string{cert}, []string{key}
		cfg.HTTP, cfg.TLSReloadInterval, cfg.CloseTimeout = true, 0, 200*time.Millisecond
		if change != nil {
			change(cfg)
		}
	}, backends...)
	r.ca, r.cert, r.key = ca, cert, key
	return r
}

// secureAddr is where TLS is spoken.
func (r *rig) secureAddr() string { return r.Addrs()[len(r.Addrs())-1].String() }

// clientTLS is how a client of weir.test speaks TLS.
func (a *authority) clientTLS(change ...func(*tls.Config)) *tls.Config {
	c := &tls.Config{RootCAs: a.pool, ServerName: "weir.test"}
	for _, f := range change {
		f(c)
	}
	return c
}

// reach opens a client's connection to an address; nothing is sent.
func reach(t testing.TB, addr string) *peer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, conn, true)
}

// connect opens a client's connection in clear.
func connect(t testing.TB, r *rig) *peer {
	t.Helper()
	return reach(t, r.Addrs()[0].String())
}

// reach opens a TCP connection to where TLS is spoken.
func (r *rig) reach() *peer {
	r.t.Helper()
	return reach(r.t, r.secureAddr())
}

// secure opens a connection over TLS; nothing is sent on it.
func (r *rig) secure(change ...func(*tls.Config)) *peer {
	r.t.Helper()
	p, err := r.trySecure(change...)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) trySecure(change ...func(*tls.Config)) (*peer, error) {
	r.t.Helper()
	return r.reach().startTLS(r.ca.clientTLS(change...))
}

// open opens a connection in clear or over TLS.
func (r *rig) open(secure bool) *peer {
	r.t.Helper()
	if secure {
		return r.secure()
	}
	return connect(r.t, r)
}

// slow opens a connection in clear for which the kernel keeps little, so that the gateway soon has to.
func (r *rig) slow() *peer {
	r.t.Helper()
	d := net.Dialer{Timeout: patience, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if e := raw.Control(func(fd uintptr) {
			err = errors.Join(syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400)) // the gateway's send buffer begins with ten of these
		}); e != nil {
			return e
		}
		return err
	}}
	conn, err := d.Dial("tcp", r.Addrs()[0].String())
	if err != nil {
		r.t.Fatal(err)
	}
	return newPeer(r.t, conn, true)
}

// upgrade opens a WebSocket between a client's connection and a backend, and returns the backend's end.
func (b *backend) upgrade(client *peer, lines ...string) (server *peer) {
	b.t.Helper()
	client.write(handshake("/", lines...))
	server = b.accept()
	server.upgrade()
	client.wantStatus(101)
	return server
}

// session opens a WebSocket in clear through the gateway and returns both its ends.
func session(t testing.TB, r *rig, b *backend) (client, server *peer) {
	t.Helper()
	client = connect(t, r)
	return client, b.upgrade(client)
}

// secureSession opens one over TLS.
func (r *rig) secureSession(b *backend, change ...func(*tls.Config)) (client, server *peer) {
	r.t.Helper()
	client = r.secure(change...)
	return client, b.upgrade(client)
}

// session opens one with the backend of the rig, for a client that sends the given field lines.
func (r *rig) session(lines ...string) (client, server *peer) {
	r.t.Helper()
	client = r.open(r.overTLS)
	return client, r.back.upgrade(client, lines...)
}

// slowSession opens one for a slow client.
func (r *rig) slowSession(lines ...string) (client, server *peer) {
	r.t.Helper()
	client = r.slow()
	return client, r.back.upgrade(client, lines...)
}

// compressedSession opens one for a client that offers compression. The backend must not hear of that.
func (r *rig) compressedSession() (client, server *peer) {
	r.t.Helper()
	client = r.open(r.overTLS)
	client.write(handshake("/", offersDeflate))
	server = r.back.accept()
	if offer, offered := server.upgrade().fields["Sec-Websocket-Extensions"]; offered {
		r.t.Errorf("the backend is offered %q", offer)
	}
	if got := client.wantStatus(101).fields.Get("Sec-WebSocket-Extensions"); got != settled {
		r.t.Fatalf("the client is told %q, want %q", got, settled)
	}
	client.deflates, server.deflates = true, true
	return client, server
}

// startCompressing runs a gateway that compresses for its clients.
func startCompressing(t testing.TB, way string, change func(*config.Config)) *rig {
	t.Helper()
	return startWay(t, way, func(cfg *config.Config) {
		cfg.Compression, cfg.CloseTimeout = config.CompressionGateway, 300*time.Millisecond
		if change != nil {
			change(cfg)
		}
	})
}

// wantAnswer sends a request on a connection of its own, which it closes once the status is there.
func wantAnswer(t testing.TB, g *rig, status int, request string) *message {
	t.Helper()
	client := connect(t, g)
	client.write(request)
	m := client.wantStatus(status)
	_ = client.conn.Close()
	return m
}

// enter opens a WebSocket with a request that must be let in.
func enter(t testing.TB, g *rig, b *backend, request string) (client, server *peer, asked *message) {
	t.Helper()
	client = connect(t, g)
	client.write(request)
	server = b.accept()
	asked = server.upgrade()
	client.wantStatus(101)
	return client, server, asked
}
