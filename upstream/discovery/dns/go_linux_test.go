package dns_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/upstream/discovery"
)

// askGo is set for a process that looks names up as Go does. It has its own /etc, since package net reads no other files.
const askGo = "WEIR_TEST_ASK_GO"

// goQuestions are all that have the same files, which package net reads once.
type goQuestions struct {
	ResolvConf, Hosts string
	Asked             []goQuestion
}

type goQuestion struct {
	Title, Host, Network string
	Servers              []string
}

type goAnswers struct {
	Setup    string // why the process could not ask
	Answered []goAnswer
}

type goAnswer struct {
	Addrs []netip.Addr
	Err   *net.DNSError
}

func init() {
	if asked := os.Getenv(askGo); asked != "" {
		_ = json.NewEncoder(os.Stdout).Encode(goResolver(asked))
		os.Exit(0)
	}
}

func goResolver(asked string) (answers goAnswers) {
	var q goQuestions
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
		answers.Setup = err.Error()
		return answers
	}
	answers.Answered = make([]goAnswer, len(q.Asked))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var asking sync.WaitGroup
	for i, q := range q.Asked {
		asking.Go(func() {
			a := &answers.Answered[i]
			r := &net.Resolver{PreferGo: true, StrictErrors: true, Dial: dialer(q.Servers)}
			var err error
			a.Addrs, err = r.LookupNetIP(ctx, q.Network, q.Host)
			a.Err, _ = errors.AsType[*net.DNSError](err)
		})
	}
	asking.Wait()
	return answers
}

// Go's own resolver is what people know: it must find the same for each of the look-ups, with the same questions.
func TestAgreesWithGo(t *testing.T) {
	networks := map[discovery.Family]string{discovery.Any: "ip", discovery.IPv4: "ip4", discovery.IPv6: "ip6"}
	type files struct{ conf, hosts string }
	asked := make(map[files][]goQuestion)
	servers := make(map[string][]*nameServer)
	for title, l := range lookups {
		servers[title] = l.start(t)
		of := files{l.conf, l.hosts}
		asked[of] = append(asked[of], goQuestion{title, l.host, networks[l.family], addrsOf(servers[title])})
	}
	for of, questions := range asked {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			answers := askAsGo(t, goQuestions{write(t, "resolv.conf", of.conf), write(t, "hosts", of.hosts), questions})
			for i, q := range questions {
				t.Run(q.Title, func(t *testing.T) { agree(t, lookups[q.Title], answers[i], servers[q.Title]) })
			}
		})
	}
}

// agree holds an answer of Go's against what is wanted, and its questions against ours.
func agree(t *testing.T, l lookup, a goAnswer, asked []*nameServer) {
	ours := l.start(t)
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
	_, _ = resolver(t, l.conf, l.hosts, ours...).LookupIP(within(t), l.host, l.family)
	for i := range asked {
		if theirs, ours := asked[i].questions(), ours[i].questions(); !slices.Equal(theirs, ours) {
			t.Errorf("server %d: Go asks\n%s\nwe ask\n%s", i+1, strings.Join(theirs, "\n"), strings.Join(ours, "\n"))
		}
	}
}

func askAsGo(t *testing.T, q goQuestions) []goAnswer {
	t.Helper()
	asked, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), askGo+"="+string(asked))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("a process with its own /etc is not allowed here; TestLookupIP checks our answers all the same")
	}
	var answers goAnswers
	if err == nil {
		err = json.Unmarshal(out, &answers)
	}
	if err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if answers.Setup != "" {
		t.Skip(answers.Setup + ": TestLookupIP checks our answers all the same")
	}
	return answers.Answered
}
