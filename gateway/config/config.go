package config

import (
	"log/slog"
	"time"
)

// Config holds every knob of the gateway. A field is the whole definition of a
// knob: from its tags and its value in Default come the flag, the environment
// variable, the YAML key, the line of --help and the row of README's table.
//
//	knob:   the name; "idle-timeout" is --idle-timeout, WEIR_IDLE_TIMEOUT and idle-timeout:
//	group:  the heading it stands under; groups are told in the order of first use
//	arg:    what --help calls the value, where the type does not say it well enough
//	help:   what it does, and what its special values mean
//	range:  "low..high", or "0|low..high" where 0 means off
//	secret: "true" keeps the value out of what Given tells
//	sep:    for lists, what stands between elements in one string; a comma unless given
//
// A Config is immutable once Load has returned it.
type Config struct {
	Config   string   `knob:"config" group:"Basics" arg:"FILE" help:"YAML file with any of these knobs as keys"`
	Listen   []string `knob:"listen" group:"Basics" arg:"ADDR" help:"address clients connect to, as host:port or :port"`
	Admin    string   `knob:"admin" group:"Basics" arg:"ADDR" help:"address of health, metrics, drain and pprof; off: none"`
	Upstream []string `knob:"upstream" group:"Basics" arg:"URL" help:"backend, as ws://host:port[#weight=N]; http:// means the same; h2c://: many sessions share a connection (RFC 8441), ws+h2c://: if the backend offers that"`
	Demo     bool     `knob:"demo" group:"Basics" help:"start an echo server inside and use it as the backend"`
	Loops    int      `knob:"loops" group:"Basics" range:"0..1024" help:"event loops; 0: one per core"`

	HashOn         HashOn        `knob:"hash-on" group:"Routing" help:"what chooses the backend: client-ip, path, header:NAME, cookie:NAME, query:NAME or random"`
	BalanceFactor  float64       `knob:"balance-factor" group:"Routing" range:"0|1..100" help:"no backend gets more than this many times its fair share; 0: no bound"`
	ConnectRetries int           `knob:"connect-retries" group:"Routing" range:"0..100" help:"further backends tried after a failed connect"`
	Panic          bool          `knob:"panic" group:"Routing" help:"with no healthy backend left, use all as if they were well; false: answer 503"`
	DNSInterval    time.Duration `knob:"dns-interval" group:"Routing" range:"0|1s..24h" help:"time between two look-ups of backends' names; 0: only at start"`

	HealthPath     string        `knob:"health-path" group:"Health" arg:"PATH" help:"path of an HTTP check, well on 2xx or 3xx; empty: a TCP connect is the check"`
	HealthInterval time.Duration `knob:"health-interval" group:"Health" range:"0|100ms..24h" help:"time between two checks of a backend; 0: no checks"`
	HealthTimeout  time.Duration `knob:"health-timeout" group:"Health" range:"10ms..1h" help:"a check that takes longer has failed"`
	HealthRise     int           `knob:"health-rise" group:"Health" range:"1..1000" help:"good checks in a row that bring a backend back"`
	HealthFall     int           `knob:"health-fall" group:"Health" range:"1..1000" help:"failures in a row that take a backend out"`

	PoolMin          int           `knob:"pool-min" group:"Pools" range:"0..1000" help:"connections that each loop keeps to an h2c:// backend before anybody asks"`
	PoolMaxStreams   int           `knob:"pool-max-streams" group:"Pools" range:"0..1000000" help:"sessions on one pooled connection; the backend may allow fewer; 0: as many as it allows"`
	PoolIdle         time.Duration `knob:"pool-idle" group:"Pools" range:"1s..24h" help:"close a pooled connection without sessions after so long, down to pool-min"`
	PoolPingInterval time.Duration `knob:"pool-ping-interval" group:"Pools" range:"0|1s..24h" help:"test a pooled connection that was silent for so long; 0: never"`
	PoolPingTimeout  time.Duration `knob:"pool-ping-timeout" group:"Pools" range:"10ms..1h" help:"for the backend to answer such a test"`
	PoolSpread       time.Duration `knob:"pool-spread" group:"Pools" range:"0|20ms..10m" help:"time over which the sessions of a broken pooled connection are closed"`

	HandshakeTimeout time.Duration `knob:"handshake-timeout" group:"Timeouts" range:"10ms..1h" help:"for a client to send its whole upgrade request"`
	ConnectTimeout   time.Duration `knob:"connect-timeout" group:"Timeouts" range:"10ms..1h" help:"for the TCP connect to a backend"`
	BackendTimeout   time.Duration `knob:"backend-timeout" group:"Timeouts" range:"10ms..1h" help:"for a backend to answer the upgrade request"`
	IdleTimeout      time.Duration `knob:"idle-timeout" group:"Timeouts" range:"0|100ms..1000h" help:"close a session with no byte either way for so long; 0: never"`
	PingInterval     time.Duration `knob:"ping-interval" group:"Timeouts" range:"0|100ms..24h" help:"ping a client that was silent for so long; 0: never"`
	PongTimeout      time.Duration `knob:"pong-timeout" group:"Timeouts" range:"10ms..1h" help:"for a pinged client to send anything"`
	CloseTimeout     time.Duration `knob:"close-timeout" group:"Timeouts" range:"10ms..1h" help:"between a close frame and the end of the TCP connection"`
	DrainTimeout     time.Duration `knob:"drain-timeout" group:"Timeouts" range:"10ms..24h" help:"time over which a drain closes the sessions"`

	MaxConnections      int  `knob:"max-connections" group:"Limits" range:"0..100000000" help:"client connections in all; 0: derived from the limit of open files"`
	MaxConnectionsPerIP int  `knob:"max-connections-per-ip" group:"Limits" range:"0..100000000" help:"client connections from one address; 0: no limit"`
	MaxHeaderSize       Size `knob:"max-header-size" group:"Limits" range:"1KiB..1MiB" help:"head of a request or of a backend's answer"`
	MaxHeaderFields     int  `knob:"max-header-fields" group:"Limits" range:"8..1000" help:"header fields in such a head"`
	MaxMessageSize      Size `knob:"max-message-size" group:"Limits" range:"0|125..1024GiB" help:"one message as sent, all its frames; 0: no limit"`
	MaxFrameSize        Size `knob:"max-frame-size" group:"Limits" range:"0|125..1024GiB" help:"one frame; 0: no limit"`
	HighWater           Size `knob:"high-water" group:"Limits" range:"8KiB..1GiB" help:"bytes queued towards one side at which the other is no longer read; at least 2 x read-buffer"`
	LowWater            Size `knob:"low-water" group:"Limits" range:"0..1GiB" help:"bytes still queued at which it is read again"`
	ReadBuffer          Size `knob:"read-buffer" group:"Limits" range:"4KiB..16MiB" help:"read buffer of a loop, shared by its connections"`

	ValidateUTF8 bool `knob:"validate-utf8" group:"Messages" help:"check uncompressed text messages; looks at every byte of them"`
	DrainCode    int  `knob:"drain-code" group:"Messages" arg:"CODE" help:"close code of a drain: 1001 (going away) or 1012 (service restart)"`

	RequestHeader  []string `knob:"request-header" group:"Headers" arg:"RULE" sep:"\n" help:"change a request on its way to the backend: 'set X-Team: blue', 'add X-Via: weir' or 'remove X-Debug'"`
	ResponseHeader []string `knob:"response-header" group:"Headers" arg:"RULE" sep:"\n" help:"change an answer on its way to the client, by the same rules"`
	Forwarded      bool     `knob:"forwarded" group:"Headers" help:"tell backends of the client in X-Forwarded-For, -Proto, -Host and X-Real-IP, replacing what it sent"`
	EndpointHeader string   `knob:"endpoint-header" group:"Headers" arg:"NAME" help:"response header that tells clients which backend serves them; empty: none (it shows an inner address)"`
	UpstreamHost   string   `knob:"upstream-host" group:"Headers" arg:"HOST" help:"Host header sent to backends; empty: the client's"`

	TCPNoDelay     bool          `knob:"tcp-nodelay" group:"Sockets" help:"send small segments at once"`
	TCPKeepAlive   time.Duration `knob:"tcp-keepalive" group:"Sockets" range:"0|1s..9h" help:"silence after which TCP probes the peer; 0: never"`
	TCPUserTimeout time.Duration `knob:"tcp-user-timeout" group:"Sockets" range:"0|1ms..24h" help:"cut a peer that acknowledges nothing for so long; 0: the kernel's default"`
	Backlog        int           `knob:"backlog" group:"Sockets" range:"0..65535" help:"connections that wait to be accepted; 0: the kernel's maximum"`
	DeferAccept    time.Duration `knob:"defer-accept" group:"Sockets" range:"0|1s..1h" help:"accept a client once it has sent something, waiting up to so long (Linux); 0: at once"`

	AccessLog       AccessLog  `knob:"access-log" group:"Logs" help:"lines for sessions opened and closed: text, json or off; json makes every line JSON"`
	AccessLogSample int        `knob:"access-log-sample" group:"Logs" range:"1..1000000" help:"log one session in so many"`
	LogLevel        slog.Level `knob:"log-level" group:"Logs" help:"least severe line to log: debug, info, warn or error"`

	MetricsPushURL      string        `knob:"metrics-push-url" group:"Metrics" secret:"true" arg:"URL" help:"where to push metrics in Prometheus text format; empty: nowhere"`
	MetricsPushInterval time.Duration `knob:"metrics-push-interval" group:"Metrics" range:"1s..24h" help:"time between two pushes"`
	MetricsPushLabels   string        `knob:"metrics-push-labels" group:"Metrics" arg:"LABELS" help:"labels added to what is pushed, as 'instance=\"a\",zone=\"b\"'"`

	AdminToken string `knob:"admin-token" group:"Admin" secret:"true" arg:"TOKEN" help:"bearer token that POST needs; empty: POST is taken from loopback only"`

	places map[string]string // where a knob's value was given, for Validate's errors
}

// Default is the configuration with no flag, variable or file given.
func Default() *Config {
	return &Config{
		Listen: []string{"127.0.0.1:8080"},
		Admin:  "127.0.0.1:9090",

		HashOn:         HashOn{By: HashClientIP},
		BalanceFactor:  1.25,
		ConnectRetries: 2,
		Panic:          true,
		DNSInterval:    30 * time.Second,

		HealthInterval: 5 * time.Second,
		HealthTimeout:  2 * time.Second,
		HealthRise:     2,
		HealthFall:     3,

		PoolMin:          1,
		PoolIdle:         time.Minute,
		PoolPingInterval: 15 * time.Second,
		PoolPingTimeout:  10 * time.Second,
		PoolSpread:       time.Second,

		HandshakeTimeout: 10 * time.Second,
		ConnectTimeout:   3 * time.Second,
		BackendTimeout:   10 * time.Second,
		IdleTimeout:      time.Hour,
		PongTimeout:      10 * time.Second,
		CloseTimeout:     5 * time.Second,
		DrainTimeout:     30 * time.Second,

		MaxHeaderSize:   16 << 10,
		MaxHeaderFields: 100,
		HighWater:       128 << 10,
		LowWater:        32 << 10,
		ReadBuffer:      64 << 10,

		DrainCode: 1001,
		Forwarded: true,

		TCPNoDelay:   true,
		TCPKeepAlive: 60 * time.Second,

		AccessLog:       AccessText,
		AccessLogSample: 1,
		LogLevel:        slog.LevelInfo,

		MetricsPushInterval: 10 * time.Second,
	}
}
