package config

import (
	"log/slog"
	"time"

	"weir/gateway/rate"
)

// Config holds every knob of the gateway. A field is the whole definition of a
// knob: from its tags and its value in Default come the flag, the environment
// variable, the YAML key, the line of --help and the row of docs/reference/knobs.md.
//
//	knob:   the name; "idle-timeout" is --idle-timeout, WEIR_IDLE_TIMEOUT and idle-timeout:
//	group:  the heading it stands under; groups are told in the order of first use
//	arg:    what --help calls the value, where the type does not say it well enough
//	help:   what it does, and what its special values mean
//	range:  "low..high", or "0|low..high" where 0 means off
//	secret: "true" keeps the value out of what Given tells
//	sep:    for lists, what stands between elements in one string; a comma unless given
//	none:   the word for an empty list or text; it stands alone
//	filled: "true" where a value restricts, so that one which came empty is an error and only the word of none is none
//	route:  "true" where a route may have a value of its own
//	restart: "true" where another value counts after a restart alone, not after a reload
//
// A Config is immutable once Load has returned it; With makes another.
type Config struct {
	Config      string        `knob:"config" group:"Basics" arg:"FILE" help:"YAML file with any of these knobs as keys"`
	ConfigWatch time.Duration `knob:"config-watch" group:"Basics" range:"0|1s..24h" help:"how often the file of config is looked at; one that has changed is reloaded once two looks in a row find the same, and tried again after longer and longer times, up to 1m, if it cannot be taken; 0: only on SIGHUP or POST /reload"`
	Listen      []string      `knob:"listen" group:"Basics" arg:"ADDR" none:"off" help:"address clients connect to without TLS, as host:port, :port or unix:/path; off: none"`
	TLSListen   []string      `knob:"tls-listen" group:"Basics" arg:"ADDR" help:"address clients connect to with TLS, in the same forms"`
	UnixMode    Mode          `knob:"unix-mode" group:"Basics" restart:"true" help:"who may connect to a unix socket that is listened on, as the mode of its file"`
	Admin       string        `knob:"admin" group:"Basics" restart:"true" arg:"ADDR" help:"address of health, metrics, drain and pprof, as host:port or unix:/path (for its owner alone); off: none"`
	Upstream    []string      `knob:"upstream" group:"Basics" arg:"URL" route:"true" help:"backend, as ws://host:port[#weight=N]; http:// means the same; h2c://: many sessions share a connection (RFC 8441), ws+h2c://: if the backend offers that; wss://, h2:// and wss+h2://: the same with TLS; unix:///path: a unix socket; #proxy-protocol=v1 or v2: connections begin with a PROXY header; #id=NAME: the backend's name, which it keeps wherever it moves"`
	Demo        bool          `knob:"demo" group:"Basics" restart:"true" help:"start an echo server inside and use it as the backend"`
	Loops       int           `knob:"loops" group:"Basics" restart:"true" range:"0..1024" help:"event loops; 0: one per core"`

	LoopFileTables bool `knob:"loop-file-tables" group:"Basics" restart:"true" help:"give each loop a file table of its own, so that the limit of open files holds for each loop and not for the process (Linux)"`

	TLSCert           []string      `knob:"tls-cert" group:"TLS" arg:"FILE" help:"certificate with its chain, PEM; of several, the server name that a client asks for chooses; the first is the default"`
	TLSKey            []string      `knob:"tls-key" group:"TLS" arg:"FILE" help:"private key, PEM, of the certificate in the same place of tls-cert"`
	TLSMinVersion     TLSVersion    `knob:"tls-min-version" group:"TLS" help:"oldest version of TLS: 1.2 or 1.3"`
	TLSMaxVersion     TLSVersion    `knob:"tls-max-version" group:"TLS" help:"newest version of TLS"`
	TLSCiphers        []string      `knob:"tls-ciphers" group:"TLS" arg:"NAME" help:"cipher suite of TLS 1.2, as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; none given: Go's choice (those of TLS 1.3 cannot be chosen)"`
	TLSCurves         []string      `knob:"tls-curves" group:"TLS" arg:"NAME" help:"key exchange: X25519MLKEM768, X25519, P-256, P-384 or P-521; none given: Go's choice"`
	TLSALPN           []string      `knob:"tls-alpn" group:"TLS" arg:"PROTO" help:"protocol offered to clients: http/1.1, which WebSockets need, and h2, for other requests"`
	TLSUnknownName    UnknownName   `knob:"tls-unknown-name" group:"TLS" help:"a client that asks for a name no certificate has: default (it gets the default certificate) or reject"`
	TLSClientAuth     ClientAuth    `knob:"tls-client-auth" group:"TLS" help:"client certificates: off, ask (checked if sent) or require"`
	TLSClientCA       string        `knob:"tls-client-ca" group:"TLS" arg:"FILE" none:"off" filled:"true" help:"authorities that client certificates are checked against, PEM"`
	TLSClientHeader   string        `knob:"tls-client-header" group:"TLS" arg:"NAME" help:"request header that tells backends the subject of a checked client certificate; the client's own is dropped; empty: none"`
	TLSTickets        bool          `knob:"tls-tickets" group:"TLS" help:"let clients resume a TLS session by a ticket"`
	TLSTicketKeys     string        `knob:"tls-ticket-keys" group:"TLS" arg:"FILE" help:"keys of tickets to share between gateways, 32 bytes a line as base64 or hex; the first encrypts, all decrypt; empty: keys of our own, renewed daily"`
	TLSHandshakes     int           `knob:"tls-handshakes" group:"TLS" restart:"true" range:"1..1000000" help:"TLS handshakes under way at once, in all; more wait, and clients that are silent give way to them"`
	TLSReloadInterval time.Duration `knob:"tls-reload-interval" group:"TLS" range:"0|1s..24h" help:"time between two looks whether certificates, keys and authorities have changed; 0: only on SIGHUP"`
	RequireTLS        RequireTLS    `knob:"require-tls" group:"TLS" route:"true" help:"requests without TLS: off (they are taken), redirect (to https) or refuse"`
	ACMEDomain        []string      `knob:"acme-domain" group:"TLS" arg:"NAME" help:"name to get a certificate for by ACME (tls-alpn-01: the authority connects to port 443)"`
	ACMEDirectory     string        `knob:"acme-directory" group:"TLS" arg:"URL" help:"directory of the ACME authority"`
	ACMEEmail         string        `knob:"acme-email" group:"TLS" arg:"ADDRESS" help:"where the authority may write to"`
	ACMEStorage       string        `knob:"acme-storage" group:"TLS" arg:"DIR" help:"directory that keeps the account and the certificates"`
	ACMECA            string        `knob:"acme-ca" group:"TLS" arg:"FILE" help:"authorities to trust for the directory itself, PEM, if it is a private one"`

	TrustedProxies    []string `knob:"trusted-proxies" group:"Clients" arg:"CIDR" help:"proxies in front, as 10.0.0.0/8, 10.0.0.1 or unix (all on unix sockets); only these are believed in what they tell of the client"`
	ProxyProtocol     bool     `knob:"proxy-protocol" group:"Clients" help:"connections of trusted-proxies begin with a PROXY header (v1 or v2), and no others may"`
	ForwardedStandard bool     `knob:"forwarded-standard" group:"Clients" route:"true" help:"tell backends of the client in Forwarded (RFC 7239) as well"`

	Origin         []string      `knob:"origin" group:"Access" route:"true" arg:"PATTERN" none:"off" filled:"true" help:"pages that may open WebSockets: https://app.example.com, https://*.example.com, same-origin, null or *; off: same-origin where cookies, a password or a certificate come along, and with allow; else any"`
	OriginRequired bool          `knob:"origin-required" group:"Access" route:"true" help:"refuse handshakes without Origin, which no browser makes"`
	Allow          []string      `knob:"allow" group:"Access" route:"true" arg:"CIDR" none:"off" filled:"true" help:"addresses of clients that may connect; off: all"`
	AllowFile      string        `knob:"allow-file" group:"Access" route:"true" arg:"FILE" none:"off" filled:"true" help:"file with further addresses that may connect, one per line"`
	Deny           []string      `knob:"deny" group:"Access" route:"true" arg:"CIDR" none:"off" filled:"true" help:"addresses that may not connect, even if allowed"`
	DenyFile       string        `knob:"deny-file" group:"Access" route:"true" arg:"FILE" none:"off" filled:"true" help:"file with further addresses that may not connect, one per line"`
	ReloadInterval time.Duration `knob:"reload-interval" group:"Access" range:"0|1s..24h" help:"how often files of addresses, keys and users are read again; 0: on SIGHUP only"`

	JWTKeys             string        `knob:"jwt-keys" group:"Authentication" route:"true" arg:"FILE" none:"off" filled:"true" help:"keys that tokens are signed with: public keys in PEM, a JWK set, or one HMAC secret"`
	JWTJWKSURL          string        `knob:"jwt-jwks-url" group:"Authentication" route:"true" secret:"true" arg:"URL" none:"off" filled:"true" help:"where a JWK set is fetched from instead"`
	JWTAlgorithm        []string      `knob:"jwt-algorithm" group:"Authentication" route:"true" arg:"NAME" none:"off" filled:"true" help:"algorithms that the issuer signs with: HS256 to HS512, RS..., PS..., ES..., EdDSA"`
	JWTIssuer           []string      `knob:"jwt-issuer" group:"Authentication" route:"true" arg:"NAME" none:"off" filled:"true" help:"issuers (iss) that are believed; off: any"`
	JWTAudience         []string      `knob:"jwt-audience" group:"Authentication" route:"true" arg:"NAME" none:"off" filled:"true" help:"audiences (aud) of which a token has to name one; off: any"`
	JWTLeeway           time.Duration `knob:"jwt-leeway" group:"Authentication" route:"true" range:"0|1s..10m" help:"by how much clocks may differ"`
	JWTEndless          bool          `knob:"jwt-endless" group:"Authentication" route:"true" help:"take tokens without exp"`
	JWTFrom             []string      `knob:"jwt-from" group:"Authentication" route:"true" arg:"PLACE" none:"off" filled:"true" help:"where tokens are looked for, in this order: header, header:NAME, cookie:NAME, query:NAME, protocol:NAME or protocol-prefix:PREFIX; off: header (Authorization)"`
	JWTHeader           []string      `knob:"jwt-header" group:"Authentication" route:"true" arg:"'CLAIM NAME'" none:"off" filled:"true" help:"tells a claim to backends in the header NAME"`
	AuthURL             string        `knob:"auth-url" group:"Authentication" route:"true" secret:"true" arg:"URL" none:"off" filled:"true" help:"service that is asked about each request; 2xx lets it in, 401 and 403 do not"`
	AuthTimeout         time.Duration `knob:"auth-timeout" group:"Authentication" route:"true" range:"10ms..1m" help:"for it to answer"`
	AuthCache           time.Duration `knob:"auth-cache" group:"Authentication" route:"true" range:"0|1s..1h" help:"how long its answer counts for the same request again; 0: once"`
	AuthHeader          []string      `knob:"auth-header" group:"Authentication" route:"true" arg:"NAME" help:"header of its answer that backends are told"`
	AuthUserHeader      string        `knob:"auth-user-header" group:"Authentication" route:"true" arg:"NAME" help:"header of its answer that names the user"`
	APIKeys             string        `knob:"api-keys" group:"Authentication" route:"true" arg:"FILE" none:"off" filled:"true" help:"keys taken in X-API-Key, as lines of name:SHA-256"`
	BasicUsers          string        `knob:"basic-users" group:"Authentication" route:"true" arg:"FILE" none:"off" filled:"true" help:"names and passwords taken in Authorization: Basic, as lines of name:bcrypt or name:SHA-256"`
	AuthOptional        bool          `knob:"auth-optional" group:"Authentication" route:"true" help:"let requests without any credential through"`
	AuthPreflight       AuthPreflight `knob:"auth-preflight" group:"Authentication" route:"true" help:"CORS preflights, which can carry no credential: pass (the backend answers them) or check (as other requests)"`
	AuthStrip           bool          `knob:"auth-strip" group:"Authentication" route:"true" help:"take the credential out of what backends get"`
	AuthRefusal         AuthRefusal   `knob:"auth-refusal" group:"Authentication" route:"true" help:"how WebSockets are refused: http (401 or 403), or close (accepted and closed at once, since browsers do not tell a page the status)"`
	AuthMissingCode     int           `knob:"auth-missing-code" group:"Authentication" route:"true" arg:"CODE" range:"3000..4999" help:"close code where the credential is missing"`
	AuthInvalidCode     int           `knob:"auth-invalid-code" group:"Authentication" route:"true" arg:"CODE" range:"3000..4999" help:"close code where it is not valid"`
	AuthUnavailableCode int           `knob:"auth-unavailable-code" group:"Authentication" route:"true" arg:"CODE" range:"1000..4999" help:"close code where the credential could not be checked, or is not as too many were not valid, with auth-refusal: close"`
	AuthExpiredCode     int           `knob:"auth-expired-code" group:"Authentication" route:"true" arg:"CODE" range:"3000..4999" help:"close code of a session whose credential has expired"`

	AuthFailureRate rate.Limit `knob:"auth-failure-rate" group:"Authentication" restart:"true" help:"credentials that are not valid, from one address, and for one name from one address; beyond it passwords and keys from there are not looked at"`

	ConnectionRate   rate.Limit `knob:"connection-rate" group:"Rates" help:"handshakes of one address, such as 10/s or '100/60s burst 20'"`
	MessageRate      rate.Limit `knob:"message-rate" group:"Rates" route:"true" help:"messages of one session, such as 100/60s"`
	MessageRateUser  rate.Limit `knob:"message-rate-user" group:"Rates" route:"true" help:"messages of all sessions of one user"`
	MessageRateIP    rate.Limit `knob:"message-rate-ip" group:"Rates" route:"true" help:"messages of all sessions of one address"`
	MessageRateRoute rate.Limit `knob:"message-rate-route" group:"Rates" route:"true" help:"messages of all sessions of the route"`
	FrameRate        rate.Limit `knob:"frame-rate" group:"Rates" route:"true" help:"pings, pongs and fragments of one session, such as 50/s; more closes it"`
	ByteRate         rate.Limit `knob:"byte-rate" group:"Rates" route:"true" help:"bytes of one session, such as 64KiB/s; more is read later"`
	ByteRateUser     rate.Limit `knob:"byte-rate-user" group:"Rates" route:"true" help:"bytes of all sessions of one user"`
	ByteRateIP       rate.Limit `knob:"byte-rate-ip" group:"Rates" route:"true" help:"bytes of all sessions of one address"`
	ByteRateRoute    rate.Limit `knob:"byte-rate-route" group:"Rates" route:"true" help:"bytes of all sessions of the route"`
	RateAction       RateAction `knob:"rate-action" group:"Rates" route:"true" help:"what befalls messages over a rate: close, drop or pause (read on when allowed)"`
	RateCode         int        `knob:"rate-code" group:"Rates" route:"true" arg:"CODE" help:"close code of a session over a rate: 1008, or 3000 to 4999"`
	IPv6Prefix       int        `knob:"ipv6-prefix" group:"Rates" restart:"true" range:"1..128" help:"bits of an IPv6 address that count as one client"`
	RateTable        int        `knob:"rate-table" group:"Rates" range:"1000..100000000" help:"addresses, and users, that are kept count of at once"`

	HashOn         HashOn        `knob:"hash-on" group:"Routing" route:"true" help:"what chooses the backend: client-ip, path, header:NAME, cookie:NAME, query:NAME, claim:NAME or random"`
	BalanceFactor  float64       `knob:"balance-factor" group:"Routing" route:"true" range:"0|1..100" help:"no backend gets more than this many times its fair share; 0: no bound"`
	ConnectRetries int           `knob:"connect-retries" group:"Routing" route:"true" range:"0..100" help:"further backends tried after a failed connect"`
	Panic          bool          `knob:"panic" group:"Routing" route:"true" help:"with no healthy backend left, use all as if they were well; false: answer 503"`
	DNSInterval    time.Duration `knob:"dns-interval" group:"Routing" range:"0|1s..24h" help:"time between two look-ups of a backend's name; a name without an address is tried again sooner, from 1s on; 0: a name that has addresses is not looked up again"`
	DNSFamily      DNSFamily     `knob:"dns-family" group:"Routing" help:"addresses of a name that are backends: auto (IPv6 only where there is no IPv4), any (both), ipv4 or ipv6"`
	EmptyHold      time.Duration `knob:"empty-hold" group:"Routing" range:"0|1s..24h" help:"how long the last addresses of a name stay in use once the name server says that it has none; 0: not at all"`

	StickyCookie   string        `knob:"sticky-cookie" group:"Stickiness" route:"true" arg:"NAME" help:"cookie that keeps a client at its backend while that is well; empty: none"`
	StickyTTL      time.Duration `knob:"sticky-ttl" group:"Stickiness" route:"true" range:"0|1s..9600h" help:"lifetime of that cookie; 0: until the browser is closed"`
	StickySameSite SameSite      `knob:"sticky-same-site" group:"Stickiness" route:"true" help:"its SameSite: lax, strict or none (for pages of other sites, over TLS alone; then it is Partitioned, too)"`
	StickyKey      string        `knob:"sticky-key" group:"Stickiness" secret:"true" arg:"SECRET" help:"what cookies are signed with, 16 bytes at least, the same on every gateway; empty: random, another at each start"`

	Health         Health        `knob:"health" group:"Health" route:"true" help:"check of a backend: tcp (a connection, with its TLS), http (a GET of health-path), websocket (a WebSocket at health-path, closed with 1000) or auto (http where there is a health-path, else tcp)"`
	HealthPath     string        `knob:"health-path" group:"Health" route:"true" arg:"PATH" help:"path that is asked for; empty: /"`
	HealthStatus   []string      `knob:"health-status" group:"Health" route:"true" arg:"STATUS" help:"status, or range of them such as 200-399, of an http check that is well"`
	HealthHeader   []string      `knob:"health-header" group:"Health" route:"true" secret:"true" arg:"FIELD" sep:"\n" help:"header field of http and websocket checks, as 'Authorization: Bearer abc'; Host is upstream-host"`
	HealthPort     int           `knob:"health-port" group:"Health" route:"true" arg:"PORT" range:"0..65535" help:"port that is checked, in the same way as the backend's own, for which 0 stands"`
	HealthInterval time.Duration `knob:"health-interval" group:"Health" route:"true" range:"0|100ms..24h" help:"time between two checks of a backend; 0: no checks"`
	HealthTimeout  time.Duration `knob:"health-timeout" group:"Health" route:"true" range:"10ms..1h" help:"a check that takes longer has failed"`
	HealthRise     int           `knob:"health-rise" group:"Health" route:"true" range:"1..1000" help:"good checks in a row that bring a backend back"`
	HealthFall     int           `knob:"health-fall" group:"Health" route:"true" range:"1..1000" help:"failures in a row that take a backend out"`

	PoolMin          int           `knob:"pool-min" group:"Pools" route:"true" range:"0..1000" help:"connections that each loop keeps to an h2c:// backend before anybody asks"`
	PoolMaxStreams   int           `knob:"pool-max-streams" group:"Pools" route:"true" range:"0..1000000" help:"sessions on one pooled connection; the backend may allow fewer; 0: as many as it allows"`
	PoolIdle         time.Duration `knob:"pool-idle" group:"Pools" route:"true" range:"1s..24h" help:"close a pooled connection without sessions after so long, down to pool-min"`
	PoolPingInterval time.Duration `knob:"pool-ping-interval" group:"Pools" route:"true" range:"0|1s..24h" help:"test a pooled connection that was silent for so long; 0: never"`
	PoolPingTimeout  time.Duration `knob:"pool-ping-timeout" group:"Pools" route:"true" range:"10ms..1h" help:"for the backend to answer such a test"`
	PoolSpread       time.Duration `knob:"pool-spread" group:"Pools" route:"true" range:"0|20ms..10m" help:"time over which the sessions of a broken pooled connection are closed"`

	UpstreamCA         string `knob:"upstream-ca" group:"Backend TLS" route:"true" arg:"FILE" none:"off" filled:"true" help:"authorities that backends' certificates are checked against, PEM; off: the system's"`
	UpstreamCert       string `knob:"upstream-cert" group:"Backend TLS" route:"true" arg:"FILE" help:"client certificate shown to backends, PEM"`
	UpstreamKey        string `knob:"upstream-key" group:"Backend TLS" route:"true" arg:"FILE" help:"its private key, PEM"`
	UpstreamServerName string `knob:"upstream-server-name" group:"Backend TLS" route:"true" arg:"NAME" help:"name that a backend's certificate must have; empty: the host of its URL"`
	UpstreamSkipVerify bool   `knob:"upstream-skip-verify" group:"Backend TLS" route:"true" help:"take any certificate: whoever can get between here and a backend can then read and change everything"`

	HTTP               bool          `knob:"http" group:"HTTP" route:"true" help:"put plain HTTP requests through, too; false: answer 426 to them"`
	HTTPUpstream       []string      `knob:"http-upstream" group:"HTTP" route:"true" arg:"URL" help:"backend of plain HTTP requests, in the forms of upstream; none given: the backends of WebSockets"`
	HTTPTimeout        time.Duration `knob:"http-timeout" group:"HTTP" route:"true" range:"10ms..24h" help:"for a backend to begin its answer to a plain request"`
	HTTPIdleTimeout    time.Duration `knob:"http-idle-timeout" group:"HTTP" restart:"true" range:"100ms..24h" help:"close a client's connection without a request for so long"`
	MaxHTTPConnections int           `knob:"max-http-connections" group:"HTTP" restart:"true" range:"1..1000000" help:"client connections with plain requests at once, in all"`
	HTTPMinRate        Size          `knob:"http-min-rate" group:"HTTP" range:"0|1..1GiB" restart:"true" help:"bytes a second that a client has to take of a plain answer that waits for it, measured over each minute of waiting; 0: it has to take some in each"`
	HTTPHalfClose      HalfClose     `knob:"http-half-close" group:"HTTP" restart:"true" help:"a client that ends its direction behind a plain request over HTTP/1.1: answer (it still gets the answer) or cut (it is taken to have left)"`
	UpgradeOther       []string      `knob:"upgrade-other" group:"HTTP" route:"true" arg:"NAME" help:"protocols besides WebSocket that clients may upgrade to, such as tcp or SPDY/3.1: their bytes pass both ways unread; the backends must be ws:// or wss://; none given: such requests are plain HTTP"`
	PathRewrite        string        `knob:"path-rewrite" group:"HTTP" route:"true" arg:"RULE" help:"change the path on its way to the backend, WebSockets' too: 'REGEXP REPLACEMENT', as '^/chat/(.*)$ /$1'; the query stays"`
	PathEncoded        PathEncoded   `knob:"path-encoded" group:"HTTP" route:"true" help:"paths that servers read in different ways (%2F, ;, //, dot segments, overlong UTF-8), where the path decides the route, the rewriting or the answer of auth-url: refuse (400), or pass (as they came, if every reading leads to this route)"`

	HandshakeTimeout time.Duration `knob:"handshake-timeout" group:"Timeouts" restart:"true" range:"10ms..1h" help:"for a client to send its whole upgrade request"`
	ConnectTimeout   time.Duration `knob:"connect-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"for the connect to a backend, its TLS handshake included"`
	BackendTimeout   time.Duration `knob:"backend-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"for a backend to answer the upgrade request"`
	IdleTimeout      time.Duration `knob:"idle-timeout" group:"Timeouts" route:"true" range:"0|100ms..1000h" help:"close a session with no byte either way for so long; 0: never"`
	PingInterval     time.Duration `knob:"ping-interval" group:"Timeouts" route:"true" range:"0|100ms..24h" help:"ping a client that was silent for so long; 0: never"`
	PongTimeout      time.Duration `knob:"pong-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"for a pinged client or backend to send anything"`
	BackendPing      time.Duration `knob:"backend-ping-interval" group:"Timeouts" route:"true" range:"0|100ms..24h" help:"ping a backend, in each session, that was silent there for so long (184 bytes more a session); 0: never"`
	SlowTimeout      time.Duration `knob:"slow-reader-timeout" group:"Timeouts" route:"true" range:"100ms..1h" help:"for a client to take from a full queue, before slow-reader counts"`
	GatherTimeout    time.Duration `knob:"gather-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"for the next byte of a message that is looked at as a whole, which holds gather-memory meanwhile"`
	CloseTimeout     time.Duration `knob:"close-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"between a close frame and the end of the TCP connection"`
	ReloadDrain      time.Duration `knob:"reload-drain" group:"Timeouts" range:"0|10ms..1000h" help:"time over which a reload closes the sessions whose route or backend the new configuration no longer has, with drain-code; 0: they last as long as they like"`
	DrainTimeout     time.Duration `knob:"drain-timeout" group:"Timeouts" range:"10ms..24h" help:"time over which a drain closes the sessions"`
	UpgradeDrain     time.Duration `knob:"upgrade-drain" group:"Timeouts" range:"0|10ms..1000h" help:"time over which a process that was replaced by a successor (weir upgrade) closes its sessions; 0: they last as long as they like"`

	MaxConnections      int  `knob:"max-connections" group:"Limits" range:"0..100000000" help:"client connections in all; 0: derived from the limit of open files"`
	MaxConnectionsPerIP int  `knob:"max-connections-per-ip" group:"Limits" range:"0..100000000" help:"client connections from one address; 0: no limit"`
	MaxRequests         int  `knob:"max-requests" group:"Limits" range:"0..100000000" help:"plain requests in flight in all, over whichever protocol; 0: derived from the limit of open files"`
	MaxRequestsPerIP    int  `knob:"max-requests-per-ip" group:"Limits" range:"0..100000000" help:"plain requests in flight from one address, trusted proxies excepted; 0: a quarter of max-requests"`
	MaxHeaderSize       Size `knob:"max-header-size" group:"Limits" restart:"true" range:"1KiB..1MiB" help:"head of a request or of a backend's answer"`
	MaxPathLength       Size `knob:"max-path-length" group:"Limits" restart:"true" range:"64..1MiB" help:"path of a request, without the query"`
	MaxHeaderFields     int  `knob:"max-header-fields" group:"Limits" restart:"true" range:"8..1000" help:"header fields in such a head"`
	MaxMessageSize      Size `knob:"max-message-size" group:"Limits" route:"true" range:"0|125..1024GiB" help:"one message as sent, all its frames, and inflated; 0: no limit, but 1 MiB where messages are looked at as a whole"`
	MaxFrameSize        Size `knob:"max-frame-size" group:"Limits" route:"true" range:"0|125..1024GiB" help:"one frame; 0: no limit"`
	HighWater           Size `knob:"high-water" group:"Limits" range:"8KiB..1GiB" help:"bytes queued towards one side at which the other is no longer read; at least 2 x read-buffer"`
	GatherMemory        Size `knob:"gather-memory" group:"Limits" range:"1MiB..1024GiB" help:"unfinished messages, in all, of those that are looked at as a whole: for compression by the gateway, or messages: json"`
	LowWater            Size `knob:"low-water" group:"Limits" restart:"true" range:"0..1GiB" help:"bytes still queued at which it is read again"`
	ReadBuffer          Size `knob:"read-buffer" group:"Limits" restart:"true" range:"4KiB..16MiB" help:"read buffer of a loop, shared by its connections"`

	Messages             Messages    `knob:"messages" group:"Messages" route:"true" help:"kind of message that clients may send: any, text, binary or json (text that is JSON); others are closed with 1003 or 1007"`
	ValidateUTF8         bool        `knob:"validate-utf8" group:"Messages" route:"true" help:"check text messages; looks at every byte of them, but not inside what client and backend compress"`
	Compression          Compression `knob:"compression" group:"Messages" route:"true" help:"who compresses messages: pass (client and backend, if they agree), gateway (client and gateway, for backends that cannot) or off"`
	CompressionLevel     int         `knob:"compression-level" group:"Messages" route:"true" range:"1..6" help:"effort of the gateway's own compression"`
	CompressionThreshold Size        `knob:"compression-threshold" group:"Messages" route:"true" range:"0..1GiB" help:"shorter messages are sent as they are"`
	CompressionWindow    int         `knob:"compression-window" group:"Messages" route:"true" range:"8..15" help:"bits of the largest window that the gateway compresses with; clients need as much memory, and may ask for less"`
	Extensions           Extensions  `knob:"extensions" group:"Messages" route:"true" help:"WebSocket extensions that the gateway does not know, which is all but permessage-deflate: strip (taken out of clients' offers) or pass (client and backend may agree on them, and frames may have reserved bits and opcodes then)"`
	SlowReader           SlowReader  `knob:"slow-reader" group:"Messages" route:"true" help:"a client whose queue stays full: wait (its backend is not read), close (with slow-reader-code) or drop (the oldest whole messages)"`
	DrainCode            int         `knob:"drain-code" group:"Messages" arg:"CODE" help:"close code of a drain: 1001 (going away) or 1012 (service restart)"`
	BackendLostCode      int         `knob:"backend-lost-code" group:"Messages" route:"true" arg:"CODE" range:"1000..4999" help:"close code for clients whose backend ended without a close frame; not every client library takes 1014"`
	SlowReaderCode       int         `knob:"slow-reader-code" group:"Messages" route:"true" arg:"CODE" range:"1000..4999" help:"close code of slow-reader: close"`
	GatherMemoryCode     int         `knob:"gather-memory-code" group:"Messages" route:"true" arg:"CODE" range:"1000..4999" help:"close code of a session whose message has no room in gather-memory, or holds it beyond gather-timeout"`

	RequestHeader  []string `knob:"request-header" group:"Headers" route:"true" arg:"RULE" sep:"\n" help:"change a request on its way to the backend: 'set X-Team: blue', 'add X-Via: weir' or 'remove X-Debug'"`
	ResponseHeader []string `knob:"response-header" group:"Headers" route:"true" arg:"RULE" sep:"\n" help:"change an answer on its way to the client, and a refusal of a plain request, by the same rules"`
	Forwarded      bool     `knob:"forwarded" group:"Headers" route:"true" help:"tell backends of the client in X-Forwarded-For, -Proto, -Host and X-Real-IP, replacing what it sent"`
	EndpointHeader string   `knob:"endpoint-header" group:"Headers" route:"true" arg:"NAME" help:"response header that tells clients which backend serves them; empty: none (it shows an inner address)"`
	UpstreamHost   string   `knob:"upstream-host" group:"Headers" route:"true" arg:"HOST" help:"Host header sent to backends; empty: the client's"`

	TCPNoDelay     bool          `knob:"tcp-nodelay" group:"Sockets" restart:"true" help:"send small segments at once"`
	TCPKeepAlive   time.Duration `knob:"tcp-keepalive" group:"Sockets" restart:"true" range:"0|1s..9h" help:"silence after which TCP probes the peer, or up to half as much more, on up to 1,000 connections for each processor; 0: never"`
	TCPUserTimeout time.Duration `knob:"tcp-user-timeout" group:"Sockets" restart:"true" range:"0|1ms..24h" help:"cut a peer that acknowledges nothing for so long; 0: the kernel's default"`
	TCPNotSent     Size          `knob:"tcp-notsent-lowat" group:"Sockets" restart:"true" range:"0|4KiB..1GiB" help:"bytes not sent yet that the kernel keeps for a client before it takes no more (Linux); 0: as many as its buffer holds, some MiB, but 64 KiB where slow-reader is not wait"`
	Backlog        int           `knob:"backlog" group:"Sockets" restart:"true" range:"0..65535" help:"connections that wait to be accepted; 0: the kernel's maximum"`
	DeferAccept    time.Duration `knob:"defer-accept" group:"Sockets" restart:"true" range:"0|1s..1h" help:"accept a client once it has sent something, waiting up to so long (Linux); 0: at once"`

	AccessLog       AccessLog  `knob:"access-log" group:"Logs" restart:"true" help:"lines for sessions opened and closed: text, json or off; json makes every line JSON"`
	AccessLogSample int        `knob:"access-log-sample" group:"Logs" range:"1..1000000" help:"log one session in so many"`
	LogLevel        slog.Level `knob:"log-level" group:"Logs" help:"least severe line to log: debug, info, warn or error"`

	MetricsPushURL      string        `knob:"metrics-push-url" group:"Metrics" restart:"true" secret:"true" arg:"URL" help:"where to push metrics in Prometheus text format; empty: nowhere"`
	MetricsPushInterval time.Duration `knob:"metrics-push-interval" group:"Metrics" restart:"true" range:"1s..24h" help:"time between two pushes"`
	MetricsPushLabels   string        `knob:"metrics-push-labels" group:"Metrics" restart:"true" arg:"LABELS" help:"labels added to what is pushed, as 'instance=\"a\",zone=\"b\"'"`

	AdminToken string `knob:"admin-token" group:"Admin" secret:"true" arg:"TOKEN" help:"bearer token that POST needs; empty: POST is taken from loopback only"`

	// Routes are never none once Load has returned. A request takes the first that matches.
	Routes []Route `knob:"-"`
	// Sites are the server names with rules of their own for client certificates.
	Sites []Site `knob:"-"`

	places     map[string]string // where a knob's value was given, for Validate's errors
	overridden []Setting         // that others went before
	warnings   []string          // of what was read
	sum        FileSum           // of the file
}
