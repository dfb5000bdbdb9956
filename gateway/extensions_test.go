package gateway_test

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// extended opens a session whose client offers extensions and whose backend agrees to some.
func extended(t *testing.T, way, offered, agreed string, change func(cfg *config.Config)) (client, server *peer, seen string) {
	t.Helper()
	b := listen(t)
	g := start(t, change, b.url())
	client = connect(t, g)
	client.write(handshake("/", "Sec-WebSocket-Extensions: "+offered))
	server = b.accept()
	request := server.head()
	fields := []string{}
	if agreed != "" {
		fields = append(fields, "Sec-WebSocket-Extensions: "+agreed)
	}
	server.write(switching(request, fields...))
	answer := client.wantStatus(101)
	if got := answer.fields.Get("Sec-WebSocket-Extensions"); got != agreed {
		t.Errorf("%s: the client was told %q, want %q", way, got, agreed)
	}
	return client, server, strings.Join(request.fields["Sec-Websocket-Extensions"], ", ")
}

// TestExtensionsOffered: what the gateway does not know is taken out of offers, or passes; what is said about compression
// takes nothing but compression out.
func TestExtensionsOffered(t *testing.T) {
	t.Parallel()
	const offered = "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits, bbf-usp-protocol; eid=1"
	for _, c := range []struct {
		name   string
		change func(cfg *config.Config)
		want   string
	}{
		{"strip", nil, "permessage-deflate; client_max_window_bits"},
		{"strip without compression", func(cfg *config.Config) { cfg.Compression = config.CompressionOff }, ""},
		{"pass", func(cfg *config.Config) { cfg.Extensions = config.ExtensionsPass }, offered},
		{"pass without compression", func(cfg *config.Config) {
			cfg.Extensions, cfg.Compression = config.ExtensionsPass, config.CompressionOff
		}, "bbf-usp-protocol; eid=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, _, seen := extended(t, c.name, offered, "", c.change); seen != c.want {
				t.Errorf("the backend saw %q, want %q", seen, c.want)
			}
		})
	}
}

// TestExtensionAgreed may use reserved bits and opcodes, both ways. Limits hold, and so do the rules on control frames.
func TestExtensionAgreed(t *testing.T) {
	t.Parallel()
	pass := func(cfg *config.Config) {
		cfg.Extensions, cfg.ValidateUTF8, cfg.MaxMessageSize = config.ExtensionsPass, true, 1000
	}
	client, server, _ := extended(t, "pass", "x-webkit-deflate-frame, foo", "foo", pass)
	for _, way := range [][2]*peer{{client, server}, {server, client}} {
		from, to := way[0], way[1]
		for _, first := range []byte{0xc1, 0xa1, 0x91, 0xf2, 0x83, 0xc7, 0x8b, 0xcf, 0x89, 0x81} {
			from.write(raw(from.client, first, "\x03", "a\xff\xff"))
			f, err := to.next()
			if got := ws.MustCompileFrame(f)[0]; err != nil || got != first || string(f.Payload) != "a\xff\xff" {
				t.Fatalf("%#x came as %#x %q, %v", first, got, f.Payload, err)
			}
		}
	}
	client.write(raw(true, 0x83, "\x7e\x04\x00", strings.Repeat("x", 1024)))
	server.wantClose(1009)
	server.sendClose(1009)
	client.wantClose(1009)
}

// TestExtensionNotAgreed on, or on another one, is a fault as ever.
func TestExtensionNotAgreed(t *testing.T) {
	t.Parallel()
	pass := func(cfg *config.Config) { cfg.Extensions = config.ExtensionsPass }
	for _, agreed := range []string{"", "permessage-deflate"} {
		client, server, _ := extended(t, "pass", "permessage-deflate, foo", agreed, pass)
		client.write(raw(true, 0xa1, "\x01", "a"))
		server.wantClose(1002)
	}
}
