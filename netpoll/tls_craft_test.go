package netpoll_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"weir/netpoll"
)

// Types of records (RFC 8446 section 5.1).
const (
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
)

var (
	keyUpdate  = []byte{24, 0, 0, 1, 1} // asks for one in return (RFC 8446 section 4.6.3)
	farewell   = []byte{1, 0}           // close_notify
	nothing    = []byte{}
	clientHi12 = append([]byte{1, 0, 0, 40}, make([]byte, 40)...) // begins a renegotiation (RFC 5246 section 7.4.1.2)
)

// crafter is a client that makes its handshake with crypto/tls, and then its records by hand, so that it can send what
// crypto/tls would not.
type crafter struct {
	*net.TCPConn
	t      testing.TB
	tls    *tls.Conn // to read with; not to write
	tls13  bool
	secret []byte // TLS 1.3: of the client's traffic
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func craft(t testing.TB, addr netpoll.Addr, client *tls.Config, version uint16) *crafter {
	t.Helper()
	raw := dial(t, addr)
	var keys bytes.Buffer
	seen := &overheard{Conn: raw}
	client = client.Clone()
	client.KeyLogWriter, client.MinVersion, client.MaxVersion = &keys, version, version
	client.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	c := &crafter{TCPConn: raw, t: t, tls: tls.Client(seen, client), tls13: version == tls.VersionTLS13}
	if err := c.tls.Handshake(); err != nil {
		t.Fatal(err)
	}
	if c.tls13 {
		c.secret = logged(t, keys.String(), "CLIENT_TRAFFIC_SECRET_0")
		c.rekey()
		return c
	}
	master, hello := logged(t, keys.String(), "CLIENT_RANDOM"), seen.randoms()
	block := prf12(master, append([]byte("key expansion"), append(hello[1], hello[0]...)...), 2*16+2*4)
	c.use(block[:16], block[32:36])
	c.seq = 1 // its Finished was 0
	return c
}

// logged is the last word of a line of the key log.
func logged(t testing.TB, log, label string) []byte {
	for line := range strings.Lines(log) {
		if words := strings.Fields(line); words[0] == label {
			b, _ := hex.DecodeString(words[2])
			return b
		}
	}
	t.Fatalf("no %s in %q", label, log)
	return nil
}

// rekey makes the keys of the secret (RFC 8446 section 7.3).
func (c *crafter) rekey() {
	size := 16
	if c.tls.ConnectionState().CipherSuite == tls.TLS_CHACHA20_POLY1305_SHA256 { // without instructions for AES
		size = chacha20poly1305.KeySize
	}
	c.use(expandLabel(c.secret, "key", size), expandLabel(c.secret, "iv", 12))
	c.seq = 0
}

// update goes on to the next secret, as behind a key update (RFC 8446 section 7.2).
func (c *crafter) update() {
	c.secret = expandLabel(c.secret, "traffic upd", 32)
	c.rekey()
}

func (c *crafter) use(key, iv []byte) {
	c.iv = iv
	var err error
	if len(key) == chacha20poly1305.KeySize {
		c.aead, err = chacha20poly1305.New(key)
	} else {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			c.aead, err = cipher.NewGCM(block)
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// record is one record (RFC 8446 section 5.2, RFC 5246 section 6.2.3.3).
func (c *crafter) record(kind byte, data []byte) []byte {
	var seq [8]byte
	binary.BigEndian.PutUint64(seq[:], c.seq)
	c.seq++
	if c.tls13 {
		inner := append(bytes.Clone(data), kind)
		head := []byte{typeData, 3, 3, 0, 0}
		binary.BigEndian.PutUint16(head[3:], uint16(len(inner)+c.aead.Overhead()))
		nonce := bytes.Clone(c.iv)
		for i, b := range seq {
			nonce[4+i] ^= b
		}
		return c.aead.Seal(bytes.Clone(head), nonce, inner, head)
	}
	head := []byte{kind, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(data)))
	sealed := c.aead.Seal(nil, append(bytes.Clone(c.iv), seq[:]...), data, append(bytes.Clone(seq[:]), head...))
	binary.BigEndian.PutUint16(head[3:], uint16(8+len(sealed)))
	return append(append(head, seq[:]...), sealed...)
}

// send writes pieces in one system call.
func (c *crafter) send(pieces ...[]byte) {
	c.t.Helper()
	if _, err := c.TCPConn.Write(bytes.Join(pieces, nil)); err != nil {
		c.t.Fatal(err)
	}
}

func expandLabel(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	b, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		panic(err)
	}
	return b
}

// prf12 is RFC 5246's section 5.
func prf12(secret, seed []byte, n int) (out []byte) {
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	for a := mac(seed); len(out) < n; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:n]
}

// overheard keeps the beginning of both directions, where the hellos are.
type overheard struct {
	net.Conn
	mu   sync.Mutex
	said [2][]byte
}

func (o *overheard) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	o.note(1, b[:n])
	return n, err
}

func (o *overheard) Write(b []byte) (int, error) {
	o.note(0, b)
	return o.Conn.Write(b)
}

func (o *overheard) note(who int, b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.said[who]) < 64 {
		o.said[who] = append(o.said[who], b...)
	}
}

// randoms are those of the client's hello and of the server's: behind two headers and the version.
func (o *overheard) randoms() (r [2][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, b := range o.said {
		r[i] = b[5+4+2:][:32]
	}
	return r
}

// versions runs f for each version of TLS.
func versions(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(fmt.Sprint(tls.VersionName(v)), func(t *testing.T) { f(t, v) })
	}
}
