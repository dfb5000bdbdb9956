package gateway_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/gateway/rate"
)

// waiting is a gateway whose key set has not come yet, with one client that waits for it.
func waiting(t *testing.T, change func(*config.Config), behind ...byte) (*rig, *backend, *service, *peer) {
	t.Helper()
	b, keys := listen(t), serve(t, true, text(keySet(t)))
	g := start(t, func(cfg *config.Config) {
		takeRemote(cfg, keys)
		if change != nil {
			change(cfg)
		}
	}, b.url())
	client := connect(t, g)
	client.write(handshake("/", bearer(token(t, "ES256", nil))) + string(behind))
	<-keys.came
	wantMetric(t, g, "weir_client_connections", 1)
	return g, b, keys, client
}

// TestBytesBehindAWaitingHandshake are kept, wherever the reads cut the whole, and come to the backend once and in order.
func TestBytesBehindAWaitingHandshake(t *testing.T) {
	t.Parallel()
	unit := pattern(&peer{client: true})
	for _, cut := range []int{0, 1, 100, -1, len(unit)} { // in the request, before its end, behind it
		b, keys := listen(t), serve(t, true, text(keySet(t)))
		g := start(t, func(cfg *config.Config) { takeRemote(cfg, keys) }, b.url())
		client := connect(t, g)
		request := handshake("/", bearer(token(t, "ES256", nil)))
		all := request + string(bytes.Repeat(unit, 40))
		at := cut
		if cut <= 0 || cut == len(unit) {
			at = len(request) + cut
		}
		client.write(all[:at])
		<-keys.came
		wantMetric(t, g, "weir_client_connections", 1)
		wrote := make(chan struct{})
		go func() { defer close(wrote); client.write(all[at:]) }()
		b.wantUntouched()
		keys.release()
		server := b.accept()
		server.upgrade()
		client.wantStatus(101)
		if got := []byte(server.bytes(40 * len(unit))); !bytes.Equal(got, bytes.Repeat(unit, 40)) {
			t.Errorf("cut at %d: the bytes behind the handshake are others", cut)
		}
		<-wrote
		client.send(ws.OpText, "last")
		server.want(ws.OpText, "last")
	}
}

// TestClientLeavesWhileItWaits in each way: nothing is left of it, and no backend hears of one that is gone for good.
func TestClientLeavesWhileItWaits(t *testing.T) {
	t.Parallel()
	for _, reset := range []bool{false, true} {
		g, b, keys, client := waiting(t, nil)
		if reset {
			_ = client.tcp.SetLinger(0)
		}
		_ = client.conn.Close()
		wantRefused(t, g, "client_gone_early", 1)
		wantMetric(t, g, "weir_client_connections", 0)
		keys.release()
		next, _, _ := enter(t, g, b, handshake("/", bearer(token(t, "ES256", nil)))) // the word on the first came before
		_ = next.conn.Close()
		wantMetric(t, g, "weir_sessions_opened_total", 1)
	}
}

// TestHandshakeTimeoutWhileWaiting answers the client then, and the late word changes nothing.
func TestHandshakeTimeoutWhileWaiting(t *testing.T) {
	t.Parallel()
	g, b, keys, client := waiting(t, func(cfg *config.Config) { cfg.HandshakeTimeout = 2 * time.Second })
	client.wantStatus(503)
	keys.release()
	wantRefused(t, g, "auth_unavailable", 1)
	_ = client.conn.Close()
	wantMetric(t, g, "weir_client_connections", 0)
	b.wantUntouched()
}

// TestDrainWhileWaiting: who gets the word in time is told to go elsewhere, and so is who does not.
func TestDrainWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, word := range []bool{true, false} {
		g, b, keys, client := waiting(t, nil)
		g.Drain()
		if word {
			keys.release()
		}
		client.wantStatus(503)
		_ = client.conn.Close()
		await(t, stopped(t, g), "the end")
		b.wantUntouched()
	}
}

// TestTooManyWait: of one address half as many as the key set's bound wait, all others are answered at once, and those get in
// after all.
// Whoever waits does so for no longer than a fetch of keys may take, 5 seconds, which a busy machine may need to let all come in:
// then it is tried again.
func TestTooManyWait(t *testing.T) {
	t.Parallel()
	for range 5 {
		if tooManyWait(t) {
			return
		}
	}
	t.Error("a fetch of keys gave up before all clients had come, each time")
}

// tooManyWait gives false where the keys were given up before all clients had come.
func tooManyWait(t *testing.T) (inTime bool) {
	const bound, more = 256 / 2, 40
	began := time.Now()
	keys := serve(t, true, text(keySet(t)))
	g := start(t, func(cfg *config.Config) {
		takeRemote(cfg, keys)
		cfg.HandshakeTimeout = 4 * patience
	}, echo(t))
	request := handshake("/", bearer(token(t, "ES256", nil)))
	answers := make(chan string, bound+more)
	for range bound + more {
		client := connect(t, g)
		client.write(request)
		go func() {
			b := make([]byte, len("HTTP/1.1 101"))
			_ = client.conn.SetReadDeadline(time.Now().Add(patience))
			n, _ := client.in.Read(b)
			answers <- string(b[:n])
		}()
	}
	for range more {
		if a := <-answers; a != "HTTP/1.1 503" && time.Since(began) < 4*time.Second {
			t.Fatalf("before the keys came, an answer is %q", a)
		}
	}
	refused := metric(t, g, `weir_sessions_refused_total{reason="auth_unavailable"}`)
	keys.release()
	if time.Since(began) > 4*time.Second {
		return false
	}
	for range bound {
		if a := <-answers; a != "HTTP/1.1 101" {
			t.Fatalf("when the keys had come, an answer is %q", a)
		}
	}
	if refused != more {
		t.Errorf("%v clients were refused, want %d", refused, more)
	}
	if n := keys.asked.Load(); n != 1 {
		t.Errorf("the key set was asked for %d times", n)
	}
	return true
}

// TestUnknownKeyIDs do not have the key set fetched again and again, and good tokens pass meanwhile.
func TestUnknownKeyIDs(t *testing.T) {
	t.Parallel()
	began := time.Now()
	b, keys := listen(t), serve(t, false, text(keySet(t)))
	g := start(t, func(cfg *config.Config) {
		takeRemote(cfg, keys)
		cfg.AuthFailureRate = rate.Limit{} // or strangers would soon not be looked at
	}, b.url())
	good := token(t, "ES256", nil)
	client, _, _ := enter(t, g, b, handshake("/", bearer(good)))
	_ = client.conn.Close()
	_, rest, _ := strings.Cut(good, ".")
	for i := range 50 {
		stranger := base64Of(`{"alg":"ES256","kid":"nowhere`+string(rune('a'+i%26))+`"}`) + "." + rest
		wantAnswer(t, g, 401, handshake("/", bearer(stranger)))
	}
	client, _, _ = enter(t, g, b, handshake("/", bearer(good)))
	_ = client.conn.Close()
	if n, most := keys.asked.Load(), 2+int32(time.Since(began)/(10*time.Second)); n > most {
		t.Errorf("the key set was fetched %d times, and at most %d are due", n, most)
	}
}

// TestKeySetLies or fails: nobody is let in, nobody is told that a good token is bad, and the gateway goes on.
func TestKeySetLies(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"no keys": `{"keys":[]}`, "no JSON": "<html>", "huge": strings.Repeat(" ", 2<<20),
		"a secret": `{"keys":[{"kty":"oct","kid":"one","alg":"ES256","k":"` + base64Of(hmacSecret) + `"}]}`} {
		b, keys := listen(t), serve(t, false, text(answer))
		g := start(t, func(cfg *config.Config) { takeRemote(cfg, keys) }, b.url())
		<-keys.came
		wantAnswer(t, g, 503, handshake("/", bearer(token(t, "ES256", nil))))
		if wantRefused(t, g, "auth_unavailable", 1); t.Failed() {
			t.Fatal(name)
		}
		b.wantUntouched()
	}
}

// TestTrustedProxyWhileWaiting: what a trusted proxy tells of the client counts when the word on its token comes late, too.
func TestTrustedProxyWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, require := range []config.RequireTLS{"off", "refuse"} {
		b, keys := listen(t), serve(t, true, text(keySet(t)))
		g := start(t, func(cfg *config.Config) {
			takeRemote(cfg, keys)
			cfg.TrustedProxies, cfg.RequireTLS = []string{"127.0.0.1"}, require
		}, b.url())
		client := connect(t, g)
		client.write(handshake("/", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test", bearer(token(t, "ES256", nil))))
		<-keys.came
		wantMetric(t, g, "weir_client_connections", 1)
		keys.release()
		if require == "refuse" {
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				if conn, err := b.ln.Accept(); err == nil {
					answer(conn)
				}
			}()
			client.wantStatus(101)
			_ = client.conn.Close()
			<-answered
			continue
		}
		wantFields(t, b.accept().upgrade(), map[string]string{"X-Forwarded-For": "192.0.2.7, 127.0.0.1", "X-Real-Ip": "192.0.2.7",
			"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test"})
	}
}

// base64Of is a part of a token.
func base64Of(text string) string { return tokenEncoding.EncodeToString([]byte(text)) }
