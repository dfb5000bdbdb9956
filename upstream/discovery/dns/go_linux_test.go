package dns_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/upstream/discovery/dns"
)

// askGo is set for a process that looks a name up as Go does. It has its own /etc, since package net reads those files alone.
const askGo = "WEIR_TEST_ASK_GO"

type goQuestion struct {
	ResolvConf, Hosts, Host, Network string
	Servers                          []string
}

type goAnswer struct {
	Addrs []netip.Addr
	Err   *net.DNSError
	Setup string // why the process could not ask
}

func init() {
	if asked := os.Getenv(askGo); asked != "" {
		goResolver(asked)
		os.Exit(0)
	}
}

func goResolver(asked string) {
	var q goQuestion
	var a goAnswer
	err := json.Unmarshal([]byte(asked), &q)
	if err == nil {
		err = syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	}
	for target, source := range map[string]string{"/etc/resolv.conf": q.ResolvConf, "/etc/hosts": q.Hosts} {
		if err == nil {
			err = syscall.Mount(source, target, "", syscall.MS_BIND, "")
		}
	}
	if err != nil {
		a.Setup = err.Error()
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		r := &net.Resolver{PreferGo: true, StrictErrors: true, Dial: dialer(q.Servers)}
		a.Addrs, err = r.LookupNetIP(ctx, q.Network, q.Host)
		a.Err, _ = errors.AsType[*net.DNSError](err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(a)
}

// Go's own resolver is what people know: it must find the same for each of the look-ups, with the same questions.
func TestAgreesWithGo(t *testing.T) {
	for name, l := range lookups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := l.start(t)
			a := askAsGo(t, &l, servers)
			var found []string
			slices.SortFunc(a.Addrs, netip.Addr.Compare)
			for _, addr := range a.Addrs {
				found = append(found, addr.Unmap().String())
			}
			if got := strings.Join(found, " "); got != l.want {
				t.Errorf("Go finds %q, want %q", got, l.want)
			}
			var err error
			if a.Err != nil {
				err = a.Err
			}
			l.judge(t, err)

			ours := l.start(t)
			_, _ = resolver(t, l.conf, l.hosts, ours...).LookupIP(within(t), l.host, l.family)
			for i := range servers {
				if go1, us := servers[i].questions(), ours[i].questions(); !slices.Equal(go1, us) {
					t.Errorf("server %d: Go asks\n%s\nwe ask\n%s", i+1, strings.Join(go1, "\n"), strings.Join(us, "\n"))
				}
			}
		})
	}
}

func askAsGo(t *testing.T, l *lookup, servers []*nameServer) (a goAnswer) {
	networks := map[dns.Family]string{dns.Any: "ip", dns.IPv4: "ip4", dns.IPv6: "ip6"}
	asked, err := json.Marshal(goQuestion{write(t, "resolv.conf", l.conf), write(t, "hosts", l.hosts), l.host, networks[l.family], addrsOf(servers)})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s", askGo, asked))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("namespaces of our own are not allowed here; TestLookupIP checks the same answers")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if a.Setup != "" {
		t.Skipf("%s: files of our own are not allowed here; TestLookupIP checks the same answers", a.Setup)
	}
	return a
}
