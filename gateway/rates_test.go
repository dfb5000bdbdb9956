package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
	"weir/gateway/rate"
)

func limit(t testing.TB, text string) rate.Limit {
	t.Helper()
	l, err := rate.ParseLimit(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// rated runs a gateway with a rate that allows some messages at once, and the next after an hour.
func rated(t testing.TB, b *backend, change func(*config.Config)) *rig {
	t.Helper()
	return start(t, func(cfg *config.Config) { cfg.CloseTimeout = 200 * time.Millisecond; change(cfg) }, b.url())
}

// frames as one writes them: "t" and "b" begin a text and a binary message, "c" goes on, in capitals they end it; "p" is
// a ping. Each carries its place in the list.
func (p *peer) frames(list string) string {
	ops := map[rune]ws.OpCode{'t': ws.OpText, 'b': ws.OpBinary, 'c': ws.OpContinuation, 'p': ws.OpPing}
	var out strings.Builder
	for i, kind := range list {
		op := ops[kind|0x20]
		fin := kind < 'a' || op == ws.OpPing
		out.Write(p.encode(ws.NewFrame(op, fin, []byte(fmt.Sprintf("%d of %s", i, list)))))
	}
	return out.String()
}

// TestMessageRate lets exactly the allowed messages pass, whole, with the control frames between all of them.
func TestMessageRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, list string
		drop       bool
		arrive     []int
	}{
		{"close", "TBTTT", false, []int{0, 1, 2}},
		{"fragments are one message", "tcpcCtCpTT", false, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"controls are none", "ppTppBpTpp", false, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"closed at the first fragment", "TTTptcC", false, []int{0, 1, 2, 3}},
		{"drop", "TBTTBTpT", true, []int{0, 1, 2, 6}},
		{"drop fragments", "tCTTptpcpCpbCp", true, []int{0, 1, 2, 3, 4, 6, 8, 10, 13}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, chunk := range []int{1 << 20, 7, 1} {
				b := listen(t)
				g := rated(t, b, func(cfg *config.Config) {
					cfg.MessageRate, cfg.RateCode = limit(t, "3/3h"), 4003
					if c.drop {
						cfg.RateAction = config.RateDrop
					}
				})
				client, server := session(t, g, b)
				closes := !c.drop && len(c.arrive) < len(c.list)
				go func() {
					for all := client.frames(c.list); all != ""; {
						n := min(chunk, len(all))
						if _, err := client.conn.Write([]byte(all[:n])); err != nil {
							return
						}
						all = all[n:]
					}
				}()
				for _, i := range c.arrive {
					if f, err := server.next(); err != nil || string(f.Payload) != fmt.Sprintf("%d of %s", i, c.list) {
						t.Fatalf("pieces of %d: wanted frame %d, got %q, %v", chunk, i, f.Payload, err)
					}
				}
				if closes {
					client.wantClose(4003)
					server.wantClose(4003)
					_, _ = client.conn.Close(), server.conn.Close()
					wantMetric(t, g, `weir_sessions_closed_total{reason="message_rate",code="4xxx"}`, 1)
					continue
				}
				client.send(ws.OpPing, "end")
				server.want(ws.OpPing, "end")
				server.send(ws.OpText, "down") // the other way is free
				client.want(ws.OpText, "down")
				if dropped := metric(t, g, `weir_messages_dropped_total{reason="message_rate"}`); c.drop != (dropped > 0) {
					t.Errorf("%v messages were dropped", dropped)
				}
			}
		})
	}
}

// TestRatesAreShared by the sessions of a user, an address or a route, and by no others.
func TestRatesAreShared(t *testing.T) {
	t.Parallel()
	type who struct{ user, ip string }
	first := who{"ada", "192.0.2.1"}
	for _, c := range []struct {
		name         string
		change       func(*config.Config)
		shares, free who
	}{
		{"user", func(cfg *config.Config) { cfg.MessageRateUser = limit(t, "3/3h") }, who{"ada", "192.0.2.2"}, who{"bob", "192.0.2.1"}},
		{"ip", func(cfg *config.Config) { cfg.MessageRateIP = limit(t, "3/3h") }, who{"bob", "192.0.2.1"}, who{"ada", "192.0.2.2"}},
		{"ipv6", func(cfg *config.Config) { cfg.MessageRateIP = limit(t, "3/3h") }, who{"bob", "2001:db8:0:1::2"}, who{"ada", "2001:db8:0:2::1"}},
		{"route", func(cfg *config.Config) { cfg.MessageRateRoute = limit(t, "3/3h") }, who{"bob", "192.0.2.2"}, who{}},
		{"session", func(cfg *config.Config) { cfg.MessageRate = limit(t, "3/3h") }, who{}, first},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := rated(t, b, func(cfg *config.Config) {
				takeTokens(t, cfg)
				cfg.TrustedProxies, cfg.Loops = []string{"127.0.0.1"}, 2
				c.change(cfg)
			})
			open := func(w who) (client, server *peer) {
				client, server, _ = enter(t, g, b, handshake("/", "X-Forwarded-For: "+w.ip, bearer(token(t, "HS256", jwt.MapClaims{"sub": w.user}))))
				return client, server
			}
			from := first
			if c.name == "ipv6" {
				from.ip = "2001:db8:0:1::1"
			}
			client, server := open(from)
			for range 2 {
				client.send(ws.OpText, "one")
				server.want(ws.OpText, "one")
			}
			_ = client.conn.Close() // what is spent stays spent
			if c.shares != (who{}) {
				client, server = open(c.shares)
				client.send(ws.OpText, "three")
				server.want(ws.OpText, "three")
				client.send(ws.OpText, "four")
				client.wantClose(1008)
				server.wantClose(1008)
			}
			if c.free != (who{}) {
				client, server = open(c.free)
				for range 3 {
					client.send(ws.OpText, "free")
					server.want(ws.OpText, "free")
				}
				client.send(ws.OpText, "over")
				client.wantClose(1008)
			}
		})
	}
}

// TestAnonymousAreNotOneUser: one who brings no credential cannot use up what all others like him have.
func TestAnonymousAreNotOneUser(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.AuthOptional, cfg.MessageRateUser, cfg.TrustedProxies = true, limit(t, "3/3h"), []string{"127.0.0.1"}
	})
	for _, ip := range []string{"192.0.2.1", "198.51.100.1"} {
		client, server, _ := enter(t, g, b, handshake("/", "X-Forwarded-For: "+ip))
		for range 3 {
			client.send(ws.OpText, "mine")
			server.want(ws.OpText, "mine")
		}
	}
}

// TestRateComesBack: in the end as many pass as the rate says, however the client pushes.
func TestRateComesBack(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) { cfg.MessageRate, cfg.RateAction = limit(t, "50/s burst 5"), config.RateDrop })
	client, server := session(t, g, b)
	passed, began := 0, time.Now()
	for i := 0; passed < 20; i++ {
		client.send(ws.OpText, "message")
		client.send(ws.OpPing, "mark") // shows what became of the message before it
		f, err := server.next()
		if err == nil && f.Header.OpCode == ws.OpText {
			passed++
			f, err = server.next()
		}
		if err != nil || f.Header.OpCode != ws.OpPing {
			t.Fatal(f, err)
		}
	}
	if took := time.Since(began); took < 290*time.Millisecond { // 15 of them at 50/s
		t.Errorf("20 messages passed in %v", took)
	}
}

// TestUsualRecipe is what most ask for: a token in the query, 4001 without, 4002 with a bad one, 100 messages in 60 s,
// and 4003 past that.
func TestUsualRecipe(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		takeTokens(t, cfg, "query:token")
		cfg.AuthStrip, cfg.AuthRefusal = true, config.RefuseClose
		cfg.MessageRate, cfg.RateCode = limit(t, "100/60s"), 4003
	})
	closedBy(t, g, 4001, handshake("/chat"))
	closedBy(t, g, 4001, handshake("/chat?token="))
	closedBy(t, g, 4002, handshake("/chat?token=x.y.z"))
	b.wantUntouched()
	client, server, asked := enter(t, g, b, handshake("/chat?room=1&token="+token(t, "HS256", nil)))
	if asked.first != "GET /chat?room=1 HTTP/1.1" {
		t.Errorf("the backend was asked %q", asked.first)
	}
	for i := range 100 {
		client.send(ws.OpText, fmt.Sprint(i))
	}
	client.send(ws.OpPing, "free")
	for i := range 100 {
		server.want(ws.OpText, fmt.Sprint(i))
	}
	server.want(ws.OpPing, "free")
	client.send(ws.OpText, "one too many")
	client.wantClose(4003)
	server.wantClose(4003)
	client.sendClose(4003)
	client.wantEnd()
	_, _ = client.conn.Close(), server.conn.Close()
	wantMetric(t, g, `weir_sessions_closed_total{reason="message_rate",code="4xxx"}`, 1)
	wantMetric(t, g, `weir_messages_total{direction="up"}`, 100)
}

// TestRefusedMessageCountsNowhere: what the route's rate has refused leaves the session, its user and its address what
// they have, so that the first message that the route has room for passes.
func TestRefusedMessageCountsNowhere(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := rated(t, b, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.MessageRate, cfg.MessageRateUser, cfg.MessageRateIP = limit(t, "3/3h"), limit(t, "3/3h"), limit(t, "3/3h")
		cfg.MessageRateRoute, cfg.RateAction = limit(t, "1/s burst 1"), config.RateDrop
	})
	client, server, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", nil))))
	const flood = 50
	client.write(client.frames(strings.Repeat("T", flood)))
	server.want(ws.OpText, fmt.Sprintf("0 of %s", strings.Repeat("T", flood)))
	wantMetric(t, g, `weir_messages_dropped_total{reason="message_rate"}`, flood-1)
	passed := make(chan ws.Frame, 1)
	go func() {
		if f, err := server.next(); err == nil {
			passed <- f
		}
	}()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); ; {
		select {
		case <-passed:
			return
		case <-late:
			t.Fatal("nothing passes any more")
		case <-again.C:
			client.send(ws.OpText, "again")
		}
	}
}

// TestFullRateTable lets newcomers pass, and tells so.
func TestFullRateTable(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) {
		cfg.ConnectionRate, cfg.RateTable, cfg.TrustedProxies = limit(t, "1/h"), 1, []string{"127.0.0.1"}
	}, echo(t))
	const newcomers = 40
	for i := range newcomers {
		wantAnswer(t, g, 101, handshake("/", fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", i)))
	}
	if n := metric(t, g, "weir_rate_table_full_total"); n < newcomers/2 || n >= newcomers {
		t.Errorf("%v of %d found the table full", n, newcomers)
	}
	wantAnswer(t, g, 429, handshake("/", "X-Forwarded-For: 192.0.2.0"))
}
