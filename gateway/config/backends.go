package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"weir/codec/http1"
	"weir/upstream/health"
)

// Health is what a backend is asked to find out whether it is well.
type Health string

const (
	HealthAuto      Health = "auto" // by health-path
	HealthTCP       Health = "tcp"
	HealthHTTP      Health = "http"
	HealthWebSocket Health = "websocket"
)

// UnmarshalText sets h, or fails on a word that is not known.
func (h *Health) UnmarshalText(text []byte) error {
	return choose(h, text, HealthAuto, HealthTCP, HealthHTTP, HealthWebSocket)
}

// Balance is how a new session gets its backend.
type Balance string

const (
	BalanceHash       Balance = "hash"
	BalanceLeast      Balance = "least"
	BalanceTwo        Balance = "two"
	BalanceRoundRobin Balance = "round-robin"
)

// UnmarshalText sets b, or fails on a word that is not known.
func (b *Balance) UnmarshalText(text []byte) error {
	return choose(b, text, BalanceHash, BalanceLeast, BalanceTwo, BalanceRoundRobin)
}

// OnBackendLoss is what happens to a session whose backend does not go on with it.
type OnBackendLoss string

const (
	LossClose  OnBackendLoss = "close"
	LossReopen OnBackendLoss = "reopen"
)

// UnmarshalText sets l, or fails on a word that is not known.
func (l *OnBackendLoss) UnmarshalText(text []byte) error {
	return choose(l, text, LossClose, LossReopen)
}

// Rebalance is the part of a route's sessions that may be moved in a minute. As text: "10%/min", or "0" for none.
type Rebalance struct{ Part float64 }

func (r Rebalance) String() string {
	if r.Part == 0 {
		return "0"
	}
	return strconv.FormatFloat(100*r.Part, 'f', -1, 64) + "%/min"
}

// UnmarshalText sets r, or fails on what is no such rate.
func (r *Rebalance) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%/min")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !ok && n != 0 || !(n >= 0 && n <= 1000) {
		return fmt.Errorf("%q is not a rate from 0 to 1000 per cent a minute; write one such as 10%%/min", text)
	}
	r.Part = n / 100
	return nil
}

// DNSFamily is which addresses of a backend's name count.
type DNSFamily string

const (
	DNSAuto DNSFamily = "auto" // IPv6 only where there is no IPv4
	DNSAny  DNSFamily = "any"
	DNSIPv4 DNSFamily = "ipv4"
	DNSIPv6 DNSFamily = "ipv6"
)

// UnmarshalText sets f, or fails on a word that is not known.
func (f *DNSFamily) UnmarshalText(text []byte) error {
	return choose(f, text, DNSAuto, DNSAny, DNSIPv4, DNSIPv6)
}

// HealthChecks are the checks of the backends that Upstream names; with plain, of those that HTTPUpstream does, which
// need not know of WebSockets.
func (c *Config) HealthChecks(plain bool) (health.Options, error) {
	fields, err := each(c.HealthHeader, parseField)
	o := health.Options{Kind: health.Kind(c.Health), Path: c.HealthPath, Host: c.backendHost(), Fields: strings.Join(fields, ""), Statuses: strings.Join(c.HealthStatus, ","),
		Port: uint16(c.HealthPort), Interval: c.HealthInterval, Timeout: c.HealthTimeout, Rise: c.HealthRise, Fall: c.HealthFall}
	switch {
	case c.Health == HealthAuto:
		o.Kind = ""
	case c.Health == HealthWebSocket && plain:
		o.Kind = health.TCP
	}
	if err != nil {
		return o, err
	}
	return o.Complete()
}

// backendHost is what backends are told as their host, whatever the client asked for; "" if the client's passes.
func (c *Config) backendHost() string {
	host := c.UpstreamHost
	rules, _ := each(c.RequestHeader, http1.ParseRule)
	for _, r := range rules {
		if http1.Alike([]byte(r.Name), "Host") {
			host = r.Value
		}
	}
	return host
}

// checkStatus refuses what is neither a status nor a range of them.
func checkStatus(text string) (string, error) {
	_, err := health.Options{Kind: health.HTTP, Statuses: text}.Complete()
	return text, err
}

// parseField reads "NAME: VALUE", and makes a line of it.
func parseField(text string) (string, error) {
	name, _, colon := strings.Cut(text, ":")
	if !colon {
		return "", errors.New("has to read 'NAME: VALUE'")
	}
	if strings.EqualFold(strings.TrimSpace(name), "host") {
		return "", errors.New("Host is what upstream-host says, for checks too")
	}
	r, err := http1.ParseRule("set " + text)
	if err != nil {
		return "", errors.Unwrap(err) // without the value, which may be secret
	}
	return r.Name + ": " + r.Value + "\n", nil
}
