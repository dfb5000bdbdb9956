package clientaddr_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"weir/gateway/clientaddr"
)

func write(t testing.TB, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNetworks(t *testing.T) {
	allow, deny := filepath.Join(t.TempDir(), "allow"), filepath.Join(t.TempDir(), "deny")
	write(t, allow, "10.0.0.0/8\n")
	write(t, deny, "10.6.6.0/24\n")
	for _, c := range []struct {
		from    clientaddr.Sources
		yes, no string
	}{
		{clientaddr.Sources{}, "10.1.1.1 ::1 " + none, ""},
		{clientaddr.Sources{DenyFile: deny}, "192.0.2.1 10.6.7.1 ::1 " + none, "10.6.6.6 ::ffff:10.6.6.6"},
		{clientaddr.Sources{AllowFile: allow}, "10.6.6.6", "192.0.2.1 ::1 " + none},
		{clientaddr.Sources{AllowFile: allow, DenyFile: deny}, "10.6.7.1", "10.6.6.6 192.0.2.1"},
		{clientaddr.Sources{Allow: []string{"192.0.2.1", "unix"}, AllowFile: allow, Deny: []string{"10.7.0.0/16"}, DenyFile: deny}, "192.0.2.1 10.1.1.1 " + none, "10.6.6.6 10.7.1.1"},
		{clientaddr.Sources{Allow: []string{"unix"}}, none, "127.0.0.1"},
		{clientaddr.Sources{Deny: []string{"unix"}}, "127.0.0.1", none},
		{clientaddr.Sources{Deny: []string{"0.0.0.0/0", "::/0"}, Allow: []string{"10.0.0.0/8"}}, "", "10.0.0.1 ::1"},
	} {
		n, err := clientaddr.Open(c.from)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs(c.yes) {
			if !n.Allows(a) {
				t.Errorf("%+v: %v is refused", c.from, a)
			}
		}
		for _, a := range addrs(c.no) {
			if n.Allows(a) {
				t.Errorf("%+v: %v is allowed", c.from, a)
			}
		}
	}
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	allow, deny := filepath.Join(dir, "allow"), filepath.Join(dir, "deny")
	write(t, allow, "10.0.0.0/8")
	write(t, deny, "10.0.0.1")
	n, err := clientaddr.Open(clientaddr.Sources{AllowFile: allow, DenyFile: deny})
	if err != nil {
		t.Fatal(err)
	}
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	check := func(when string, wantOne, wantTwo bool) {
		t.Helper()
		if n.Allows(one) != wantOne || n.Allows(two) != wantTwo {
			t.Errorf("%s: %v %v", when, n.Allows(one), n.Allows(two))
		}
	}
	fails := func(when, want string) {
		t.Helper()
		if out := n.Reload(); out.Err == nil || !strings.Contains(out.Err.Error(), want) || !out.News || out.Changed {
			t.Errorf("%s: %+v, want %s", when, out, want)
		}
		if n.Reload().News {
			t.Errorf("%s is news again", when)
		}
		check(when, false, true)
	}
	check("at first", false, true)
	write(t, deny, "10.0.0.2\nrubbish")
	fails("a bad line", "deny:2:")
	write(t, deny, "10.0.0.2")
	write(t, allow, "# nobody")
	fails("an empty list", "nobody could connect")
	if err := os.Remove(allow); err != nil {
		t.Fatal(err)
	}
	fails("no file", "allow")
	write(t, allow, "10.0.0.0/8")
	if out := n.Reload(); out.Err != nil || !out.Changed || out.What != "addresses "+allow+" "+deny {
		t.Fatalf("%+v", out)
	}
	check("at last", true, false)
	if out := n.Reload(); out.Err != nil || out.Changed {
		t.Errorf("with nothing new: %+v", out)
	}
}

func TestOpenErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad")
	write(t, bad, "10.0.0.1\nz\n")
	for _, c := range []struct {
		from clientaddr.Sources
		want []string
	}{
		{clientaddr.Sources{Allow: []string{"x"}, Deny: []string{"y"}, DenyFile: bad}, []string{`allow: "x"`, `deny: "y"`, bad + `:2: "z"`}},
		{clientaddr.Sources{AllowFile: bad, Deny: []string{"10.0.0.1"}}, []string{bad + `:2: "z"`}},
		{clientaddr.Sources{DenyFile: "/does/not/exist"}, []string{"there is no file /does/not/exist"}},
	} {
		n, err := clientaddr.Open(c.from)
		if n != nil || err == nil {
			t.Fatal(n, err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: lacks %s", err, want)
			}
		}
	}
}

// Readers never see one list old and the other new.
func TestReloadIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deny")
	write(t, path, "10.0.0.1")
	n, err := clientaddr.Open(clientaddr.Sources{DenyFile: path})
	if err != nil {
		t.Fatal(err)
	}
	stop, always := make(chan struct{}), netip.MustParseAddr("10.0.0.1")
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if n.Allows(always) {
						t.Error("an address denied before and after was allowed")
						return
					}
				}
			}
		})
	}
	for i := range 50 {
		next := path + ".next"
		write(t, next, fmt.Sprintf("10.0.0.1\n10.0.1.%d\n", i))
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
		if out := n.Reload(); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	close(stop)
	readers.Wait()
}

func TestHasAllocatesNothing(t *testing.T) {
	n, err := clientaddr.Open(clientaddr.Sources{Allow: []string{"10.0.0.0/8", "fd00::/8"}, Deny: []string{"10.1.0.0/16"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs("10.2.0.1 fe80::1%eth0 ::ffff:10.1.0.1 " + none) {
		if n := testing.AllocsPerRun(100, func() { n.Allows(a) }); n != 0 {
			t.Errorf("%v: %v allocations", a, n)
		}
	}
}
