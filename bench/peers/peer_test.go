//go:build linux

package peers

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestConfigurations(t *testing.T) {
	certificate, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		peer  Peer
		file  string
		holds []string
		lacks string
		tls   *Certificate
	}{
		{Nginx(), "nginx.conf", []string{"listen 127.0.0.1:1 backlog=4096 deferred;", "server 127.0.0.1:2;", "keepalive 128;", "worker_connections 20000;"}, "proxy_buffer_size", nil},
		{NginxLarge("x"), "nginx.conf", []string{"proxy_buffer_size 64k;"}, "ssl", nil},
		{HAProxy(), "haproxy.cfg", []string{"bind 127.0.0.1:1 defer-accept\n", "server echo 127.0.0.1:2\n", "maxconn 9900\n", "nbthread 1", "X-Forwarded-Proto http\n"}, "proto h2", nil},
		{HAProxyPool(), "haproxy.cfg", []string{"server echo 127.0.0.1:2 proto h2 ws h2\n", "http-reuse always", "maxconn 19800\n", "no strict-limits", "nbthread 1"}, "ssl", nil},
		{Nginx(), "nginx.conf", []string{"listen 127.0.0.1:1 backlog=4096 deferred ssl;", "/tls.pem;", "/tls.pem.key;", "ssl_protocols TLSv1.3;"}, "{{", certificate},
		{HAProxy(), "haproxy.cfg", []string{"bind 127.0.0.1:1 defer-accept ssl crt ", "/tls.pem ssl-min-ver TLSv1.3", "X-Forwarded-Proto https\n"}, "{{", certificate},
	} {
		place := Place{
			Listen: netip.MustParseAddrPort("127.0.0.1:1"), Backend: netip.MustParseAddrPort("127.0.0.1:2"),
			Dir: t.TempDir(), Files: 20000, Certificate: tc.tls,
		}
		argv, err := tc.peer.Command(place)
		if err != nil {
			t.Fatal(err)
		}
		path := place.Dir + "/" + tc.file
		if !strings.HasSuffix(strings.Join(argv, " "), path) {
			t.Errorf("%s: %v does not name %s", tc.peer.Name, argv, path)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range tc.holds {
			if !strings.Contains(string(b), part) {
				t.Errorf("%s: no %q in\n%s", tc.peer.Name, part, b)
			}
		}
		if strings.Contains(string(b), tc.lacks) {
			t.Errorf("%s: %q in\n%s", tc.peer.Name, tc.lacks, b)
		}
	}
}

// What is YAML reads as such, and says where clients come from and go to.
func TestConfigurationsInYAML(t *testing.T) {
	for _, tc := range []struct {
		peer  Peer
		file  string
		holds []string // of the document as fmt prints it
	}{
		{Traefik(), "traefik.yaml", []string{"address:127.0.0.1:1", "readTimeout:0s", "level:ERROR", "/traefik-routes.yaml"}},
		{Traefik(), "traefik-routes.yaml", []string{"url:http://127.0.0.1:2", "rule:PathPrefix(`/`)", "service:echo"}},
		{Envoy(), "envoy.yaml", []string{
			"socket_address:map[address:127.0.0.1 port_value:1]", "socket_address:map[address:127.0.0.1 port_value:2]",
			"upgrade_type:websocket", "max_connections:20000", "timeout:0s", "HttpConnectionManager", "router.v3.Router",
		}},
	} {
		place := Place{
			Listen: netip.MustParseAddrPort("127.0.0.1:1"), Backend: netip.MustParseAddrPort("127.0.0.1:2"), Dir: t.TempDir(), Files: 20000,
		}
		if _, err := tc.peer.Command(place); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(place.Dir, tc.file))
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := yaml.Unmarshal(b, &document); err != nil {
			t.Errorf("%s: %v\n%s", tc.file, err, b)
		}
		for _, part := range tc.holds {
			if all := fmt.Sprint(document); !strings.Contains(all, part) {
				t.Errorf("%s: no %q in %s", tc.file, part, all)
			}
		}
	}
}

func TestCaddyfile(t *testing.T) {
	place := Place{Listen: netip.MustParseAddrPort("127.0.0.1:1"), Backend: netip.MustParseAddrPort("127.0.0.1:2"), Dir: t.TempDir()}
	if _, err := Caddy("caddy").Command(place); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(place.Dir, "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"\n:1 {", "bind 127.0.0.1\n", "reverse_proxy 127.0.0.1:2\n", "admin off", "auto_https off"} {
		if !strings.Contains(string(b), part) {
			t.Errorf("no %q in\n%s", part, b)
		}
	}
}

// A peer knows its scenarios, and whether its program is there, before anything is started.
func TestTakesPart(t *testing.T) {
	some := Peer{Program: "/no/such/program", Only: []string{"a", "b"}}
	if !some.In("a") || some.In("c") || !(Peer{}).In("c") {
		t.Error("a peer takes part where it should not, or not where it should")
	}
	if err := some.Missing(); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("%v, want the program named", err)
	}
	if err := (Peer{Program: "sh"}).Missing(); err != nil {
		t.Error(err)
	}
}

func TestWeirReachesItsBackend(t *testing.T) {
	for upstream, peer := range map[string]Peer{"ws://127.0.0.1:2": Weir("w"), "h2c://127.0.0.1:2": WeirPool("w")} {
		argv, err := peer.Command(Place{Backend: netip.MustParseAddrPort("127.0.0.1:2")})
		if i := slices.Index(argv, "--upstream"); err != nil || i < 0 || argv[i+1] != upstream {
			t.Errorf("%s: %v, %v; want %s", peer.Name, argv, err, upstream)
		}
	}
}

func TestWeirListens(t *testing.T) {
	at := Place{Listen: netip.MustParseAddrPort("127.0.0.1:1"), Admin: netip.MustParseAddrPort("127.0.0.1:3"), Dir: "/d"}
	for _, tc := range []struct {
		certificate *Certificate
		settles     bool
		want        []string
	}{
		{nil, false, []string{"--listen 127.0.0.1:1", "--admin off"}},
		{nil, true, []string{"--listen 127.0.0.1:1", "--admin 127.0.0.1:3"}},
		{&Certificate{}, true, []string{"--tls-listen 127.0.0.1:1", "--tls-cert /d/tls.pem ", "--tls-key /d/tls.pem.key", "--admin 127.0.0.1:3"}},
	} {
		at.Certificate, at.Settles = tc.certificate, tc.settles
		argv, err := Weir("w").Command(at)
		for _, part := range tc.want {
			if line := strings.Join(argv, " "); err != nil || !strings.Contains(line, part) {
				t.Errorf("%s, %v; want %s", line, err, part)
			}
		}
	}
}

func TestServes(t *testing.T) {
	for _, tc := range []struct {
		peer    Peer
		clients int
		want    bool
	}{
		{Nginx(), 9900, true}, {Nginx(), 9901, false}, {Weir(""), 16000, false},
		{WeirPool(""), 16000, true}, {WeirPool(""), 19801, false}, {Direct(), 16000, true},
	} {
		if got := tc.peer.Serves(tc.clients, 20000); got != tc.want {
			t.Errorf("%s with %d clients: %v", tc.peer.Name, tc.clients, got)
		}
	}
}
