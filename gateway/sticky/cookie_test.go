package sticky_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/gateway/sticky"
)

var (
	key = []byte("0123456789abcdef0123456789abcdef")
	now = time.Unix(1_700_000_000, 0)
)

func TestToken(t *testing.T) {
	id := sticky.ID("ws://10.0.0.7:9000")
	made := sticky.New(key, "weir", time.Hour, http.SameSiteLaxMode)
	for _, c := range []struct {
		what   string
		reader *sticky.Cookie
		at     time.Time
		ok     bool
	}{
		{"at once", made, now, true},
		{"made by another gateway", sticky.New(bytes.Clone(key), "weir", time.Minute, http.SameSiteStrictMode), now, true},
		{"just before its end", made, now.Add(time.Hour - time.Second), true},
		{"at its end", made, now.Add(time.Hour), false},
		{"of another key", sticky.New([]byte("another key altogether"), "weir", time.Hour, http.SameSiteLaxMode), now, false},
		{"of another name", sticky.New(key, "reiw", time.Hour, http.SameSiteLaxMode), now, false},
		{"with its end, where there is none now", sticky.New(key, "weir", 0, http.SameSiteLaxMode), now.Add(time.Hour), false},
	} {
		got, ok := c.reader.Read([]byte(made.Value(id, now)), c.at)
		if ok != c.ok || ok && got != id {
			t.Errorf("a token %s: id %x, %v; want %x, %v", c.what, got, ok, id, c.ok)
		}
	}
}

func TestTokenWithoutEnd(t *testing.T) {
	endless := sticky.New(key, "weir", 0, 0)
	token := []byte(endless.Value(7, now))
	if id, ok := endless.Read(token, now.AddDate(50, 0, 0)); id != 7 || !ok {
		t.Errorf("after fifty years: %d, %v", id, ok)
	}
	if _, ok := sticky.New(key, "weir", time.Hour, 0).Read(token, now); ok {
		t.Error("a token without an end is taken where all have one")
	}
}

// TestForged changes, cuts and lengthens a token in every place.
func TestForged(t *testing.T) {
	c := sticky.New(key, "weir", time.Hour, http.SameSiteLaxMode)
	good := c.Value(0xfeedface, now)
	if strings.ContainsAny(good, "+/=;, \"") {
		t.Fatalf("token %q needs quoting", good)
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range good {
		for _, letter := range letters + "=+/\x00" {
			if bad := good[:i] + string(letter) + good[i+1:]; bad != good {
				if _, ok := c.Read([]byte(bad), now); ok {
					t.Errorf("%q passes for %q", bad, good)
				}
			}
		}
		if _, ok := c.Read([]byte(good[:i]), now); ok {
			t.Errorf("%q passes", good[:i])
		}
	}
	for _, bad := range []string{good + "A", good + "=", "\n" + good[1:], good[1:] + "\n", strings.Repeat("A", 1<<16)} {
		if _, ok := c.Read([]byte(bad), now); ok {
			t.Errorf("%.60q passes", bad)
		}
	}
}

func TestSetCookie(t *testing.T) {
	for _, c := range []struct {
		name     string
		ttl      time.Duration
		sameSite http.SameSite
		secure   bool
		want     string
	}{
		{"weir", 0, 0, false, "; Path=/; HttpOnly"},
		{"weir", time.Hour, http.SameSiteLaxMode, false, "; Path=/; HttpOnly; Max-Age=3600; SameSite=Lax"},
		{"weir", 1500 * time.Millisecond, http.SameSiteStrictMode, true, "; Path=/; HttpOnly; Max-Age=2; SameSite=Strict; Secure"},
		{"weir", 0, http.SameSiteNoneMode, true, "; Path=/; HttpOnly; SameSite=None; Secure; Partitioned"},
		{"weir", 0, http.SameSiteNoneMode, false, "; Path=/; HttpOnly; SameSite=None"},
		{"__Host-weir", 0, http.SameSiteLaxMode, false, "; Path=/; HttpOnly; SameSite=Lax; Secure"},
		{"__secure-weir", 0, http.SameSiteLaxMode, false, "; Path=/; HttpOnly; SameSite=Lax; Secure"},
	} {
		cookie := sticky.New(key, c.name, c.ttl, c.sameSite)
		line := cookie.SetCookie(42, now, c.secure)
		if want := c.name + "=" + cookie.Value(42, now) + c.want; line != want {
			t.Errorf("got %q, want %q", line, want)
		}
		parsed, err := http.ParseSetCookie(line)
		if err != nil || parsed.Valid() != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if id, ok := cookie.Read([]byte(parsed.Value), now); id != 42 || !ok {
			t.Errorf("%q reads as %d, %v", line, id, ok)
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	c := sticky.New(key, "weir", time.Hour, http.SameSiteLaxMode)
	var all sync.WaitGroup
	for g := range uint64(8) {
		all.Go(func() {
			for i := range uint64(200) {
				if id, ok := c.Read([]byte(c.Value(g<<32|i, now)), now); id != g<<32|i || !ok {
					t.Errorf("%d came back as %d, %v", g<<32|i, id, ok)
				}
			}
		})
	}
	all.Wait()
}

// FuzzRead: only what Value made is read, whatever a client sends.
func FuzzRead(f *testing.F) {
	c := sticky.New(key, "weir", time.Hour, http.SameSiteLaxMode)
	f.Add([]byte(""), uint64(0))
	f.Add([]byte(c.Value(1, now)), uint64(1))
	f.Add([]byte(strings.Repeat("_", 43)), uint64(1<<63))
	f.Fuzz(func(t *testing.T, token []byte, id uint64) {
		if got, ok := c.Read(token, now); ok && c.Value(got, now) != string(token) {
			t.Errorf("%q is taken for %d", token, got)
		}
		if got, ok := c.Read([]byte(c.Value(id, now)), now); got != id || !ok {
			t.Errorf("%d came back as %d, %v", id, got, ok)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	c := sticky.New(key, "weir", time.Hour, http.SameSiteLaxMode)
	token := []byte(c.Value(42, now))
	b.ReportAllocs()
	for b.Loop() {
		c.Read(token, now)
	}
}
