package gateway_test

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
)

// closedBy opens a WebSocket that is taken and closed at once.
func closedBy(t *testing.T, g *rig, code int, request string) *message {
	t.Helper()
	client := connect(t, g)
	client.write(request)
	m := client.wantStatus(101)
	client.wantClose(ws.StatusCode(code))
	client.sendClose(ws.StatusCode(code))
	client.wantEnd()
	return m
}

// TestRefusalByClose tells pages what browsers keep from them: a WebSocket that stands, and a close code.
func TestRefusalByClose(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		takeTokens(t, cfg, "query:token")
		cfg.AuthRefusal, cfg.MaxConnections = config.RefuseClose, 1 // who is refused takes nobody's place
	}, b.url())
	old := token(t, "HS256", jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()})
	for range 3 {
		m := closedBy(t, g, 4001, handshake("/"))
		wantField(t, m, "Sec-Websocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
		closedBy(t, g, 4002, handshake("/?token=x.y.z"))
		closedBy(t, g, 4002, handshake("/?token="+old))
	}
	wantRefused(t, g, "auth_missing", 3)
	wantRefused(t, g, "auth_invalid", 3)
	wantRefused(t, g, "auth_expired", 3)
	wantMetric(t, g, "weir_client_connections", 0)
	b.wantUntouched()
	wantAnswer(t, g, 400, handshake("/", "Sec-WebSocket-Version: 12")) // what is no handshake gets no WebSocket
	client, _, _ := enter(t, g, b, handshake("/?token="+token(t, "HS256", nil)))
	_ = client.conn.Close()
}

// TestRefusalOfAClientThatStays is over with the close timeout.
func TestRefusalOfAClientThatStays(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.AuthRefusal = config.RefuseClose
		cfg.AuthMissingCode = 3456
	}, b.url())
	client := connect(t, g)
	client.write(handshake("/"))
	client.wantStatus(101)
	client.wantClose(3456)
	client.send(ws.OpText, "still here")
	client.wantEnd()
	wantMetric(t, g, "weir_client_connections", 0)
	b.wantUntouched()
}

// TestRefusalSelectsAProtocol: a browser whose offers are all declined gives the connection up before it sees a close
// code (the Fetch standard's "establish a WebSocket connection"), and the page would learn nothing.
func TestRefusalSelectsAProtocol(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		takeTokens(t, cfg, "protocol:bearer")
		cfg.AuthRefusal = config.RefuseClose
	}, b.url())
	m := closedBy(t, g, 4002, handshake("/", "Sec-WebSocket-Protocol: bearer, x.y.z"))
	wantField(t, m, "Sec-Websocket-Protocol", "bearer")
	m = closedBy(t, g, 4001, handshake("/", "Sec-WebSocket-Protocol: chat, superchat"))
	wantField(t, m, "Sec-Websocket-Protocol", "chat")
}

// TestOutageIsNotCalledInvalid: a page that is told so throws away a token that is good. The code may be chosen.
func TestOutageIsNotCalledInvalid(t *testing.T) {
	t.Parallel()
	b, s := listen(t), serve(t, true, judge)
	g := start(t, func(cfg *config.Config) {
		takeService(cfg, s)
		cfg.AuthTimeout, cfg.AuthRefusal, cfg.AuthUnavailableCode = 100*time.Millisecond, config.RefuseClose, 4013
	}, b.url())
	closedBy(t, g, 4013, handshake("/", "Authorization: good"))
	wantRefused(t, g, "auth_unavailable", 1)
	b.wantUntouched()
}
