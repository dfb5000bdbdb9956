package gateway_test

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
)

// TestSessionEndsWithItsToken at exp and not before, be it silent, busy, pinged or in the middle of a message.
func TestSessionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.Config){
		"alone":       func(*config.Config) {},
		"idle":        func(cfg *config.Config) { cfg.IdleTimeout = 10 * time.Second },
		"pinged":      func(cfg *config.Config) { cfg.PingInterval, cfg.PongTimeout = 100*time.Millisecond, 10*time.Second },
		"other code":  func(cfg *config.Config) { cfg.AuthExpiredCode = 4999 },
		"with leeway": func(cfg *config.Config) { cfg.JWTLeeway = time.Second },
		"paced":       func(cfg *config.Config) { cfg.ByteRate = limit(t, "1B/60s burst 10B") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, code := listen(t), 0
			g := start(t, func(cfg *config.Config) {
				takeTokens(t, cfg)
				cfg.CloseTimeout = 5 * time.Second
				change(cfg)
				code = cfg.AuthExpiredCode
			}, b.url())
			exp := time.Now().Add(3200 * time.Millisecond).Truncate(time.Second)
			if name == "with leeway" {
				exp = exp.Add(-time.Second)
			}
			end := exp
			if name == "with leeway" {
				end = end.Add(time.Second)
			}
			if time.Until(end) < 100*time.Millisecond {
				exp, end = exp.Add(time.Second), end.Add(time.Second)
			}
			client, server, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", jwt.MapClaims{"exp": exp.Unix()}))))
			client.send(ws.OpText, "a message that is longer than ten bytes")
			server.want(ws.OpText, "a message that is longer than ten bytes")
			f, err := client.next()
			for ; err == nil && f.Header.OpCode == ws.OpPing; f, err = client.next() {
				client.send(ws.OpPong, string(f.Payload))
			}
			if early := time.Until(end); early > 0 || early < -patience/2 {
				t.Errorf("the end came %v before its time", early)
			}
			if got, _ := ws.ParseCloseFrameData(f.Payload); err != nil || f.Header.OpCode != ws.OpClose || int(got) != code {
				t.Fatalf("wanted close %d, got %v, %v", code, f, err)
			}
			client.sendClose(ws.StatusCode(code))
			server.wantClose(ws.StatusCode(code))
			server.sendClose(ws.StatusCode(code))
			client.wantEnd()
			_, _ = client.conn.Close(), server.conn.Close()
			wantMetric(t, g, `weir_sessions_closed_total{reason="auth_expired",code="4xxx"}`, 1)
			wantMetric(t, g, "weir_sessions_cut_total", 0)
		})
	}
}

// TestExpiryWaitsForTheFrame that comes from the backend, and tells the backend between two frames alone.
func TestExpiryWaitsForTheFrame(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeTokens(t, cfg); cfg.CloseTimeout = 5 * time.Second }, b.url())
	client, server, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", jwt.MapClaims{"exp": time.Now().Unix() + 3}))))
	server.write("\x82\x04ab")
	server.wantClose(4401)
	server.write("cd")
	client.want(ws.OpBinary, "abcd")
	client.wantClose(4401)
}
