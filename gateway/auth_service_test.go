package gateway_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"weir/gateway/config"
)

// judge is a service that lets good ones in and names them.
func judge(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("Authorization") {
	case "good":
		w.Header().Set("X-User", "ada")
		w.Header().Set("X-Seen", r.Header.Get("X-Forwarded-For")+" "+r.Header.Get("X-Forwarded-Method")+" "+r.Header.Get("X-Forwarded-Uri"))
	case "":
		w.WriteHeader(401)
	case "broken":
		w.WriteHeader(500)
	default:
		w.WriteHeader(403)
	}
}

func takeService(cfg *config.Config, s *service) {
	cfg.AuthURL, cfg.AuthHeader, cfg.AuthUserHeader = s.URL, []string{"X-User", "X-Seen"}, "X-User"
	cfg.CloseTimeout = 200 * time.Millisecond
}

// TestAuthService is asked about each handshake, unless it was about the same one lately.
func TestAuthService(t *testing.T) {
	t.Parallel()
	for _, cache := range []time.Duration{0, time.Minute} {
		b, s := listen(t), serve(t, false, judge)
		g := start(t, func(cfg *config.Config) { takeService(cfg, s); cfg.AuthCache = cache }, b.url())
		for range 3 {
			client, server, asked := enter(t, g, b, handshake("/chat?a=1", "Authorization: good", "X-User: eve", "X_User: eve", "X-Seen: eve",
				"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Method: PUT", "X-Forwarded-Uri: /other"))
			wantFields(t, asked, map[string]string{"X-User": "ada", "X_user": "", "X-Seen": "127.0.0.1 GET /chat?a=1"})
			_ = client.conn.Close()
			server.rest()
		}
		want := int32(3)
		if cache > 0 {
			want = 1
		}
		if n := s.asked.Load(); n != want {
			t.Errorf("with a cache of %v the service was asked %d times", cache, n)
		}
		wantAnswer(t, g, 401, handshake("/"))
		wantAnswer(t, g, 403, handshake("/", "Authorization: bad"))
		wantAnswer(t, g, 503, handshake("/", "Authorization: broken"))
		b.wantUntouched()
	}
}

// TestAuthServiceHangs: it has its own timeout, and nobody gets in by that.
func TestAuthServiceHangs(t *testing.T) {
	t.Parallel()
	b, s := listen(t), serve(t, true, judge)
	g := start(t, func(cfg *config.Config) { takeService(cfg, s); cfg.AuthTimeout = 100 * time.Millisecond }, b.url())
	wantAnswer(t, g, 503, handshake("/", "Authorization: good"))
	wantRefused(t, g, "auth_unavailable", 1)
	s.Close() // and now it is gone
	wantAnswer(t, g, 503, handshake("/", "Authorization: good"))
	b.wantUntouched()
}

// lists are files of users: "key" is the key of robot, "open sesame" the password of ada and of bob, whose is hashed slowly.
func lists(t *testing.T) (keys, users string) {
	t.Helper()
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	slow, err := bcrypt.GenerateFromPassword([]byte("open sesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return fileOf(t, "# keys\nrobot:"+hash("key")+"\n"), fileOf(t, "ada:"+hash("open sesame")+"\nbob:"+string(slow)+"\n")
}

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestKeysAndUsers from files, for both kinds of requests; files that are read again count at once.
func TestKeysAndUsers(t *testing.T) {
	t.Parallel()
	keys, users := lists(t)
	page, release := pages(t)
	close(release)
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.APIKeys, cfg.BasicUsers, cfg.AuthStrip, cfg.HTTPUpstream, cfg.ReloadInterval = keys, users, true, []string{page}, 0
	}, b.url())
	for line, status := range map[string]int{"X-API-Key: key": 101, "X-API-Key: kay": 401, "X-API-Key:": 401, "X-Other: key": 401,
		basic("ada", "open sesame"): 101, basic("ada", "open"): 401, basic("ada", ""): 401, basic("bob", "open sesame"): 101, basic("bob", "shut"): 401,
		basic("eve", "open sesame"): 401} {
		request := head("GET / HTTP/1.1", "Host: weir.test", "Connection: close", line)
		if status == 401 {
			wantAnswer(t, g, 401, handshake("/", line))
			wantAnswer(t, g, 401, request)
			continue
		}
		client, _, asked := enter(t, g, b, handshake("/", line))
		_ = client.conn.Close()
		wantFields(t, asked, map[string]string{"X-Api-Key": "", "Authorization": ""})
		wantAnswer(t, g, 200, request)
	}
	rewrite(t, keys, "nobody:"+hex.EncodeToString(make([]byte, 32))+"\n")
	if err := reread(g); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, g, 401, handshake("/", "X-API-Key: key"))
	wantMetric(t, g, "weir_access_reloads_total", 1) // of two files, one had changed
	rewrite(t, keys, "nonsense")
	if err := reread(g); err == nil {
		t.Error("a file of nonsense was taken")
	}
	wantMetric(t, g, "weir_access_reload_failures_total", 1)
	wantAnswer(t, g, 401, handshake("/", "X-API-Key: key"))
	client, _, _ := enter(t, g, b, handshake("/", basic("ada", "open sesame")))
	_ = client.conn.Close()
	b.wantUntouched()
}

// TestAuthOptional lets those through who bring nothing, and nobody who brings something bad.
func TestAuthOptional(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeTokens(t, cfg); cfg.AuthOptional = true }, b.url())
	for _, lines := range [][]string{nil, {bearer(token(t, "HS256", nil))}} {
		client, _, _ := enter(t, g, b, handshake("/", lines...))
		_ = client.conn.Close()
	}
	wantAnswer(t, g, 401, handshake("/", bearer("x.y.z")))
	b.wantUntouched()
}

// TestPlainUnderTheSameRules answers plain requests, also later ones on a connection, as handshakes.
func TestPlainUnderTheSameRules(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	s := serve(t, false, func(w http.ResponseWriter, r *http.Request) { got <- r })
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		takeTokens(t, cfg, "query:token", "header")
		cfg.JWTHeader, cfg.AuthStrip, cfg.AuthRefusal = []string{"sub X-User"}, true, config.RefuseClose
	}, s.URL)
	client := connect(t, g)
	for range 2 {
		client.write(head("GET /page?token="+token(t, "HS256", nil)+"&a=%2f HTTP/1.1", "Host: weir.test", "X-User: eve", "X_User: eve"))
		if m, _ := client.answer(); m.first != "HTTP/1.1 200 OK" {
			t.Fatal(m.text)
		}
		r := <-got
		if r.RequestURI != "/page?a=%2f" || r.Header.Get("X-User") != "ada" || r.Header.Get("X_user") != "" {
			t.Errorf("the backend was asked %s of %v", r.RequestURI, r.Header)
		}
	}
	client.write(head("GET /page HTTP/1.1", "Host: weir.test"))
	if m, _ := client.answer(); m.first != "HTTP/1.1 401 Unauthorized" {
		t.Fatal(m.text)
	}
	for _, line := range []string{bearer("x.y.z"), "X-User: eve"} {
		wantAnswer(t, g, 401, head("POST /page HTTP/1.1", "Host: weir.test", "Content-Length: 0", line))
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("%d requests came to the backend", n)
	}
}
