//go:build linux

package peers

import (
	"net/netip"
	"os"
	"strings"
	"testing"
)

func TestConfigurations(t *testing.T) {
	for _, tc := range []struct {
		peer  Peer
		file  string
		holds []string
		lacks string
	}{
		{Nginx(), "nginx.conf", []string{"listen 127.0.0.1:1 ", "proxy_pass http://127.0.0.1:2;", "worker_connections 20000;"}, "proxy_buffer_size"},
		{NginxLarge("x"), "nginx.conf", []string{"proxy_buffer_size 64k;"}, "{{"},
		{HAProxy(), "haproxy.cfg", []string{"bind 127.0.0.1:1\n", "server echo 127.0.0.1:2\n", "maxconn 9900\n", "nbthread 1"}, "{{"},
	} {
		place := Place{
			Listen: netip.MustParseAddrPort("127.0.0.1:1"), Backend: netip.MustParseAddrPort("127.0.0.1:2"),
			Dir: t.TempDir(), Files: 20000,
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

func TestTailKeepsTheLast(t *testing.T) {
	var said tail
	if said.String() != "" {
		t.Errorf("silence gives %q", said.String())
	}
	for range 1000 {
		said.Write([]byte("chatter\n"))
	}
	said.Write([]byte("one\ntwo\n"))
	if got := said.String(); got != ": one | two" || len(said.buf) > tailSize {
		t.Errorf("%q, %d bytes kept", got, len(said.buf))
	}
}
