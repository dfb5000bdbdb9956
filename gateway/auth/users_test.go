package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"weir/gateway/auth"
	"weir/internal/watch"
)

func hashed(t testing.TB, password string, cost int) string {
	t.Helper()
	b, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sum(s string) string {
	b := sha256.Sum256([]byte(s))
	return hex.EncodeToString(b[:])
}

func login(t testing.TB, text string) *auth.Request {
	return ask(t, "", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(text)))
}

func TestBasic(t *testing.T) {
	name := file(t, "# people\r\n\nada:"+hashed(t, "pass:word", 4)+"\r\nrobot:"+sum("long random key")+"\nzoë:"+strings.Replace(hashed(t, "x", 5), "$2a$", "$2y$", 1))
	c := newClock()
	p := policy(t, auth.Options{Now: c.now, Basic: &auth.Basic{File: name}})
	out := expect(t, p, login(t, "ada:pass:word"), "ok")
	if out.Identity.Subject != "ada" || fmt.Sprint(out.Identity.Strip) != "[header:Authorization]" {
		t.Errorf("%+v", out.Identity)
	}
	expect(t, p, login(t, "robot:long random key"), "ok")
	expect(t, p, login(t, "zoë:x"), "ok")
	for _, bad := range []string{"ada:", "ada:pass", "ada:x", "zoë:pass:word", "robot:pass:word", "ada:long random key", "eve:x", "eve:pass:word", "eve:long random key",
		":", "", "ada", "robot:", "ada:" + strings.Repeat("x", 73), "Ada:pass:word"} {
		out := decide(t, p, login(t, bad))
		if got := verdict(out); got == "ok" || !strings.Contains(out.Refusal.Header, `WWW-Authenticate: Basic realm="weir", charset="UTF-8"`) {
			t.Errorf("%s: %s", bad, got)
		}
	}
	long := strings.Repeat("x", 72) // all that bcrypt looks at
	p72 := policy(t, auth.Options{Basic: &auth.Basic{File: file(t, "ada:"+hashed(t, long, 4))}})
	expect(t, p72, login(t, "ada:"+long), "ok")
	expect(t, p72, login(t, "ada:"+long+"y"), "auth_invalid")
	for _, value := range []string{"Basic !", "Basic YWRh", "Basic  "} {
		if out := decide(t, p, ask(t, "", "Authorization: "+value)); out.Refusal == nil {
			t.Errorf("%s: let in", value)
		}
	}
	expect(t, p, ask(t, "", "Authorization: Basic YTpi", "Authorization: Basic YTpi"), "auth_invalid")
	if out := expect(t, p, ask(t, "", "Authorization: Bearer x"), "auth_missing"); !out.Missing {
		t.Error("another scheme is not missing")
	}

	if _, done := p.Now(login(t, "ada:pass:word")); !done {
		t.Error("a verified password is hashed again")
	}
	if _, done := p.Now(login(t, "ada:wrong")); done {
		t.Error("bcrypt on the caller's goroutine")
	}
	c.pass(5 * time.Minute)
	if _, done := p.Now(login(t, "ada:pass:word")); done {
		t.Error("remembered for too long")
	}
	expect(t, p, login(t, "ada:pass:word"), "ok")
	write(t, name, "ada")
	if err := watch.Failures(p.Reload()...); err == nil || err.Error() != "basic-users "+name+": line 1: want name:hash" {
		t.Errorf("a broken file: %v", err)
	}
	expect(t, p, login(t, "ada:pass:word"), "ok") // the old one stays
	write(t, name, "ada:"+hashed(t, "new", 4))
	if out := p.Reload(); !out[0].Changed || p.Reload()[0].Changed {
		t.Fatalf("a new file: %+v", out)
	}
	expect(t, p, login(t, "ada:pass:word"), "auth_invalid")
	expect(t, p, login(t, "ada:new"), "ok")
}

// An unknown name costs what a known one does. The shortest of several times is free of what else the machine does.
func TestUnknownUsersCostTheSame(t *testing.T) {
	const cost = 5 // short enough to get by without being interrupted
	p := policy(t, auth.Options{Basic: &auth.Basic{File: file(t, "ada:"+hashed(t, "x", cost))}})
	shortest := map[string]time.Duration{"ada:y": time.Hour, "eve:y": time.Hour}
	same := func() bool {
		known, unknown := shortest["ada:y"], shortest["eve:y"]
		return known <= 2*unknown && unknown <= 2*known
	}
	for round := 0; round < 9 || !same() && round < 100; round++ {
		for text := range shortest {
			began := time.Now()
			expect(t, p, login(t, text), "auth_invalid")
			shortest[text] = min(shortest[text], time.Since(began))
		}
	}
	if !same() {
		t.Errorf("a known user takes %v, an unknown %v", shortest["ada:y"], shortest["eve:y"])
	}
}

func TestKeys(t *testing.T) {
	name := file(t, "ci:"+sum("key-1")+"\napp:"+strings.ToUpper(sum("key+2/=")))
	p := policy(t, auth.Options{Keys: &auth.Keys{File: name}})
	out := expect(t, p, ask(t, "", "x-api-key: key-1"), "ok")
	if out.Identity.Subject != "ci" || fmt.Sprint(out.Identity.Strip) != "[header:X-API-Key]" {
		t.Errorf("%+v", out.Identity)
	}
	expect(t, p, ask(t, "", "X-API-Key: key-2"), "auth_invalid")
	expect(t, p, ask(t, "", "X-API-Key: "+sum("key-1")), "auth_invalid")
	expect(t, p, ask(t, "", "X-API-Key: ci"), "auth_invalid")
	expect(t, p, ask(t, "", "X-API-Key: key-1", "X-API-Key: key-1"), "auth_invalid")
	expect(t, p, ask(t, "?key=key-1"), "auth_missing")
	expect(t, p, ask(t, "", "X-API-Key: key+2/="), "ok")
}

func TestUserFileErrors(t *testing.T) {
	good := "ada:" + sum("x")
	for content, want := range map[string]string{
		"":                             "no line name:hash",
		"# nobody\n":                   "no line name:hash",
		good + "\nhunter2":             "line 2: want name:hash",
		":" + sum("x"):                 "line 1: want name:hash",
		"ada:hunter2":                  "neither bcrypt",
		"ada:{SHA}fSk7FJIgKs+hunter2=": "neither bcrypt",
		"ada:$apr1$hunter2":            "neither bcrypt",
		"ada:" + sum("x") + "hunter2":  "neither bcrypt",
		"ada:$2y$10$hunter2":           "bcrypt hash is malformed",
		"ada:$2y$31$" + sum("x")[:53]:  "cost is above 15",
		good + "\nada:" + sum("y"):     "line 2: has the same name",
		good + "\nbob:" + sum("x"):     "line 2: has the same hash",
		strings.Repeat("#\n", 1<<20):   "larger than",
	} {
		name := file(t, content)
		_, err := auth.New(auth.Options{Basic: &auth.Basic{File: name}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %s", content[:min(len(content), 50)], err, want)
		}
	}
	if _, err := auth.New(auth.Options{Keys: &auth.Keys{File: file(t, "ada:"+hashed(t, "x", 4))}}); err == nil || !strings.Contains(err.Error(), "hash them by SHA-256") {
		t.Errorf("bcrypt for keys: %v", err)
	}
}
