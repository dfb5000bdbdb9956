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
	Config       string        `knob:"config" group:"Basics" arg:"FILE" help:"YAML file with any of these knobs as keys"`
	ConfigWatch  time.Duration `knob:"config-watch" group:"Basics" range:"0|1s..24h" help:"how often Weir looks at the file of config; a changed file is reloaded once two looks in a row find the same content; a file that cannot be used is tried again after growing intervals up to 1m; 0: reload only on SIGHUP or POST /reload"`
	Listen       []string      `knob:"listen" group:"Basics" arg:"ADDR" none:"off" help:"address for clients without TLS, as host:port, :port or unix:/path; off: none"`
	TLSListen    []string      `knob:"tls-listen" group:"Basics" arg:"ADDR" help:"address for clients with TLS, as host:port, :port or unix:/path"`
	UnixMode     Mode          `knob:"unix-mode" group:"Basics" restart:"true" help:"mode of the file of a unix socket that Weir listens on, which decides who may connect"`
	Admin        string        `knob:"admin" group:"Basics" restart:"true" arg:"ADDR" help:"address of the admin listener (health, metrics, drain, pprof), as host:port or unix:/path (for its owner only); off: none"`
	Upstream     []string      `knob:"upstream" group:"Basics" arg:"URL" route:"true" help:"backend, as ws://host:port[#weight=N]; http:// means the same; h2c://: many sessions share a connection (RFC 8441); ws+h2c://: they share if the backend offers RFC 8441; wss://, h2:// and wss+h2://: the same with TLS; unix:///path: a unix socket; #proxy-protocol=v1 or v2: each connection begins with a PROXY header; #id=NAME: a name that the backend keeps when its address changes; ws+srv://_ws._tcp.name: the backends of SRV records; ws+k8s://service.namespace:port: those of a Kubernetes Service"`
	UpstreamFile []string      `knob:"upstream-file" group:"Basics" arg:"FILE" route:"true" help:"file with further backends, a YAML list in the forms of upstream; it is read again when it changes, without a reload"`
	Demo         bool          `knob:"demo" group:"Basics" restart:"true" help:"start an echo server inside Weir and use it as the backend"`
	Loops        int           `knob:"loops" group:"Basics" restart:"true" range:"0..1024" help:"number of event loops; 0: one per core"`

	LoopFileTables bool `knob:"loop-file-tables" group:"Basics" restart:"true" help:"give each event loop its own file table, so that the limit of open files applies to each loop instead of the process (Linux)"`

	TLSCert           []string      `knob:"tls-cert" group:"TLS" arg:"FILE" help:"certificate with its chain, PEM; with several, the server name that a client asks for (SNI) selects one, and the first is the default"`
	TLSKey            []string      `knob:"tls-key" group:"TLS" arg:"FILE" help:"private key, PEM, of the certificate at the same place in tls-cert"`
	TLSMinVersion     TLSVersion    `knob:"tls-min-version" group:"TLS" help:"oldest TLS version for clients: 1.2 or 1.3"`
	TLSMaxVersion     TLSVersion    `knob:"tls-max-version" group:"TLS" help:"newest TLS version for clients: 1.2 or 1.3"`
	TLSCiphers        []string      `knob:"tls-ciphers" group:"TLS" arg:"NAME" help:"cipher suite for TLS 1.2, such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; empty: Go's choice (suites of TLS 1.3 cannot be chosen)"`
	TLSCurves         []string      `knob:"tls-curves" group:"TLS" arg:"NAME" help:"key exchange of TLS: X25519MLKEM768, X25519, P-256, P-384 or P-521; empty: Go's choice"`
	TLSALPN           []string      `knob:"tls-alpn" group:"TLS" arg:"PROTO" help:"protocol offered to TLS clients: http/1.1, which WebSockets need, and h2, for plain requests"`
	TLSUnknownName    UnknownName   `knob:"tls-unknown-name" group:"TLS" help:"answer to a TLS client that asks for a name without certificate: default (the default certificate) or reject"`
	TLSClientAuth     ClientAuth    `knob:"tls-client-auth" group:"TLS" help:"client certificates: off, ask (checked if the client sends one) or require"`
	TLSClientCA       string        `knob:"tls-client-ca" group:"TLS" arg:"FILE" none:"off" filled:"true" help:"authorities that client certificates are checked against, PEM"`
	TLSClientHeader   string        `knob:"tls-client-header" group:"TLS" arg:"NAME" help:"request header that gives backends the subject of a checked client certificate; the client's own field is dropped; empty: none"`
	TLSTickets        bool          `knob:"tls-tickets" group:"TLS" help:"let clients resume TLS sessions by tickets"`
	TLSTicketKeys     string        `knob:"tls-ticket-keys" group:"TLS" arg:"FILE" help:"file with keys of TLS tickets that several gateways share: 32 bytes per line as base64 or hex; the first encrypts, all decrypt; empty: random keys, renewed daily"`
	TLSHandshakes     int           `knob:"tls-handshakes" group:"TLS" restart:"true" range:"1..1000000" help:"TLS handshakes with clients under way at once; further ones wait, and silent clients give way to them"`
	TLSReloadInterval time.Duration `knob:"tls-reload-interval" group:"TLS" range:"0|1s..24h" help:"how often Weir looks for changed certificates, keys and authorities; 0: only on SIGHUP"`
	RequireTLS        RequireTLS    `knob:"require-tls" group:"TLS" route:"true" help:"requests without TLS: off (served), redirect (to https) or refuse"`
	ACMEDomain        []string      `knob:"acme-domain" group:"TLS" arg:"NAME" help:"name to get a certificate for by ACME (tls-alpn-01: the authority connects to port 443 of the name)"`
	ACMEDirectory     string        `knob:"acme-directory" group:"TLS" arg:"URL" help:"URL of the ACME authority's directory"`
	ACMEEmail         string        `knob:"acme-email" group:"TLS" arg:"ADDRESS" help:"mail address at which the ACME authority can reach you"`
	ACMEStorage       string        `knob:"acme-storage" group:"TLS" arg:"DIR" help:"directory for the ACME account and its certificates"`
	ACMECA            string        `knob:"acme-ca" group:"TLS" arg:"FILE" help:"authorities trusted for acme-directory itself, PEM, if the ACME authority is private"`

	TrustedProxies    []string `knob:"trusted-proxies" group:"Clients" arg:"CIDR" help:"proxies in front of Weir, as 10.0.0.0/8, 10.0.0.1 or unix (all clients on unix sockets); only these are believed in what they say about the client"`
	ProxyProtocol     bool     `knob:"proxy-protocol" group:"Clients" help:"connections from trusted-proxies begin with a PROXY header (v1 or v2); connections from others must not"`
	ForwardedStandard bool     `knob:"forwarded-standard" group:"Clients" route:"true" help:"also give backends the client's address in Forwarded (RFC 7239)"`

	Origin         []string      `knob:"origin" group:"Access" route:"true" arg:"PATTERN" none:"off" filled:"true" help:"pages that may open WebSockets: https://app.example.com, https://*.example.com, same-origin, null or *; off: same-origin for requests with cookies, a password or a client certificate, and for all if allow is set; otherwise any page"`
	OriginRequired bool          `knob:"origin-required" group:"Access" route:"true" help:"refuse handshakes without Origin, which every browser sends"`
	Allow          []string      `knob:"allow" group:"Access" route:"true" arg:"CIDR" none:"off" filled:"true" help:"addresses of clients that may connect; off: all"`
	AllowFile      string        `knob:"allow-file" group:"Access" route:"true" arg:"FILE" none:"off" filled:"true" help:"file with further addresses that may connect, one per line"`
	Deny           []string      `knob:"deny" group:"Access" route:"true" arg:"CIDR" none:"off" filled:"true" help:"addresses that may not connect, even if allow has them"`
	DenyFile       string        `knob:"deny-file" group:"Access" route:"true" arg:"FILE" none:"off" filled:"true" help:"file with further addresses that may not connect, one per line"`
	ReloadInterval time.Duration `knob:"reload-interval" group:"Access" range:"0|1s..24h" help:"how often Weir reads files of addresses, keys and users again; 0: only on SIGHUP"`

	JWTKeys             string        `knob:"jwt-keys" group:"Authentication" route:"true" arg:"FILE" none:"off" filled:"true" help:"file with the keys that verify tokens: public keys in PEM, a JWK set, or one HMAC secret"`
	JWTJWKSURL          string        `knob:"jwt-jwks-url" group:"Authentication" route:"true" secret:"true" arg:"URL" none:"off" filled:"true" help:"URL from which Weir fetches the JWK set that verifies tokens"`
	JWTAlgorithm        []string      `knob:"jwt-algorithm" group:"Authentication" route:"true" arg:"NAME" none:"off" filled:"true" help:"algorithms that the token's issuer signs with: HS256 to HS512, RS..., PS..., ES..., EdDSA"`
	JWTIssuer           []string      `knob:"jwt-issuer" group:"Authentication" route:"true" arg:"NAME" none:"off" filled:"true" help:"issuers (iss) whose tokens are accepted; off: any"`
	JWTAudience         []string      `knob:"jwt-audience" group:"Authentication" route:"true" arg:"NAME" none:"off" filled:"true" help:"audiences (aud) of which a token must name one; off: any"`
	JWTLeeway           time.Duration `knob:"jwt-leeway" group:"Authentication" route:"true" range:"0|1s..10m" help:"how far the clocks of issuer and gateway may differ"`
	JWTEndless          bool          `knob:"jwt-endless" group:"Authentication" route:"true" help:"accept tokens without exp"`
	JWTFrom             []string      `knob:"jwt-from" group:"Authentication" route:"true" arg:"PLACE" none:"off" filled:"true" help:"where Weir looks for tokens, in this order: header, header:NAME, cookie:NAME, query:NAME, protocol:NAME or protocol-prefix:PREFIX; off: header (Authorization)"`
	JWTHeader           []string      `knob:"jwt-header" group:"Authentication" route:"true" arg:"'CLAIM NAME'" none:"off" filled:"true" help:"claim that backends get, and the request header for it, as 'sub X-User'"`
	AuthURL             string        `knob:"auth-url" group:"Authentication" route:"true" secret:"true" arg:"URL" none:"off" filled:"true" help:"service that is asked about each request; 2xx admits it, 401 and 403 refuse it"`
	AuthTimeout         time.Duration `knob:"auth-timeout" group:"Authentication" route:"true" range:"10ms..1m" help:"time the auth service has to answer"`
	AuthCache           time.Duration `knob:"auth-cache" group:"Authentication" route:"true" range:"0|1s..1h" help:"how long an answer of the auth service is reused for the same request; 0: not at all"`
	AuthHeader          []string      `knob:"auth-header" group:"Authentication" route:"true" arg:"NAME" help:"header of the auth service's answer that backends get"`
	AuthUserHeader      string        `knob:"auth-user-header" group:"Authentication" route:"true" arg:"NAME" help:"header of the auth service's answer that names the user"`
	APIKeys             string        `knob:"api-keys" group:"Authentication" route:"true" arg:"FILE" none:"off" filled:"true" help:"file of keys accepted in X-API-Key, as lines of name:SHA-256"`
	BasicUsers          string        `knob:"basic-users" group:"Authentication" route:"true" arg:"FILE" none:"off" filled:"true" help:"file of users accepted in Authorization: Basic, as lines of name:bcrypt or name:SHA-256"`
	AuthOptional        bool          `knob:"auth-optional" group:"Authentication" route:"true" help:"admit requests that have no credential at all"`
	AuthPreflight       AuthPreflight `knob:"auth-preflight" group:"Authentication" route:"true" help:"CORS preflights, which cannot carry a credential: pass (the backend answers them) or check (like other requests)"`
	AuthStrip           bool          `knob:"auth-strip" group:"Authentication" route:"true" help:"remove the credential from the request that backends get"`
	AuthRefusal         AuthRefusal   `knob:"auth-refusal" group:"Authentication" route:"true" help:"how WebSockets without a valid credential are refused: http (401 or 403) or close (opened and closed at once, because browsers hide the status from pages)"`
	AuthMissingCode     int           `knob:"auth-missing-code" group:"Authentication" route:"true" arg:"CODE" range:"3000..4999" help:"close code for a missing credential, with auth-refusal: close"`
	AuthInvalidCode     int           `knob:"auth-invalid-code" group:"Authentication" route:"true" arg:"CODE" range:"3000..4999" help:"close code for an invalid credential, with auth-refusal: close"`
	AuthUnavailableCode int           `knob:"auth-unavailable-code" group:"Authentication" route:"true" arg:"CODE" range:"1000..4999" help:"close code for a credential that could not be checked, or is not checked because too many were invalid, with auth-refusal: close"`
	AuthExpiredCode     int           `knob:"auth-expired-code" group:"Authentication" route:"true" arg:"CODE" range:"3000..4999" help:"close code of a session whose credential has expired"`

	AuthFailureRate rate.Limit `knob:"auth-failure-rate" group:"Authentication" restart:"true" help:"invalid passwords and keys per address, and per name from one address; above it, passwords and keys from there are not checked. As many tokens without a good signature per address; above it, such tokens get 429"`

	ConnectionRate   rate.Limit `knob:"connection-rate" group:"Rates" help:"new handshakes per address, such as 10/s or '100/60s burst 20'"`
	MessageRate      rate.Limit `knob:"message-rate" group:"Rates" route:"true" help:"messages per session, such as 100/60s"`
	MessageRateUser  rate.Limit `knob:"message-rate-user" group:"Rates" route:"true" help:"messages of all sessions of one user, such as 100/60s"`
	MessageRateIP    rate.Limit `knob:"message-rate-ip" group:"Rates" route:"true" help:"messages of all sessions of one address, such as 100/60s"`
	MessageRateRoute rate.Limit `knob:"message-rate-route" group:"Rates" route:"true" help:"messages of all sessions of the route, such as 1000/s"`
	FrameRate        rate.Limit `knob:"frame-rate" group:"Rates" route:"true" help:"pings, pongs and fragments per session, such as 50/s; a session above it is closed"`
	ByteRate         rate.Limit `knob:"byte-rate" group:"Rates" route:"true" help:"bytes per session, such as 64KiB/s; Weir reads what exceeds it later"`
	ByteRateUser     rate.Limit `knob:"byte-rate-user" group:"Rates" route:"true" help:"bytes of all sessions of one user, such as 64KiB/s; Weir reads what exceeds it later"`
	ByteRateIP       rate.Limit `knob:"byte-rate-ip" group:"Rates" route:"true" help:"bytes of all sessions of one address, such as 64KiB/s; Weir reads what exceeds it later"`
	ByteRateRoute    rate.Limit `knob:"byte-rate-route" group:"Rates" route:"true" help:"bytes of all sessions of the route, such as 1MiB/s; Weir reads what exceeds it later"`
	RateAction       RateAction `knob:"rate-action" group:"Rates" route:"true" help:"what happens to messages above a message rate: close (the session), drop (the message) or pause (wait until allowed)"`
	RateCode         int        `knob:"rate-code" group:"Rates" route:"true" arg:"CODE" help:"close code of a session above a message rate: 1008, or 3000 to 4999"`
	IPv6Prefix       int        `knob:"ipv6-prefix" group:"Rates" restart:"true" range:"1..128" help:"leading bits of an IPv6 address that count as one client"`
	RateTable        int        `knob:"rate-table" group:"Rates" range:"1000..100000000" help:"addresses, and users, whose rates Weir remembers at once"`

	HashOn            HashOn        `knob:"hash-on" group:"Routing" route:"true" help:"value that selects the backend: client-ip, path, header:NAME, cookie:NAME, query:NAME, claim:NAME or random"`
	Balance           Balance       `knob:"balance" group:"Routing" route:"true" help:"how a new session gets its backend: hash (by hash-on), least (fewest sessions for its weight), two (the less loaded of two chosen at random) or round-robin"`
	BalanceFactor     float64       `knob:"balance-factor" group:"Routing" route:"true" range:"0|1..100" help:"send no new sessions to a backend with more than this multiple of its fair share; 0: no bound"`
	SlowStart         time.Duration `knob:"slow-start" group:"Routing" route:"true" range:"0|1s..24h" help:"time in which a backend that joins or comes back gets its whole weight, unless balance is hash; 0: at once"`
	PriorityThreshold int           `knob:"priority-threshold" group:"Routing" route:"true" arg:"PERCENT" range:"0..100" help:"use backends of the next priority as well while less than this part of the weight before them is healthy; 0: while none is"`
	Zone              string        `knob:"zone" group:"Routing" arg:"NAME" help:"zone of this gateway: backends of the same zone (#zone=NAME) get its new sessions while they have room; empty: zones do not count"`
	ConnectRetries    int           `knob:"connect-retries" group:"Routing" route:"true" range:"0..100" help:"further backends tried after a failed connect"`
	Panic             bool          `knob:"panic" group:"Routing" route:"true" help:"use all backends if none is healthy; false: answer 503"`
	DNSInterval       time.Duration `knob:"dns-interval" group:"Routing" range:"0|1s..24h" help:"longest time between two lookups of a backend's name, which is looked up again when its DNS records expire (TTL); a name without an address is looked up sooner, from 1s on; 0: a name with addresses is not looked up again"`
	DNSMinTTL         time.Duration `knob:"dns-min-ttl" group:"Routing" range:"1s..24h" help:"shortest time between two lookups of a name that has addresses, whatever the TTL of its records; dns-interval goes first"`
	DNSFamily         DNSFamily     `knob:"dns-family" group:"Routing" help:"which addresses of a name are backends: auto (IPv6 only if there is no IPv4), any (both), ipv4 or ipv6"`
	EmptyHold         time.Duration `knob:"empty-hold" group:"Routing" range:"0|1s..24h" help:"how long the last backends of a name, a file or a Kubernetes Service stay in use after it says that it has none; 0: not at all"`
	Kubeconfig        string        `knob:"kubeconfig" group:"Routing" arg:"FILE" help:"kubeconfig of the cluster that ws+k8s:// backends are in; empty: that of $KUBECONFIG, else the service account of the pod, else ~/.kube/config"`

	OnBackendLoss OnBackendLoss `knob:"on-backend-loss" group:"Moves" route:"true" help:"what happens to a session whose backend ends, breaks, is drained or leaves: close, or reopen (go on at another backend with the same handshake while the client stays; only for backends that keep nothing of a session)"`
	ReopenWait    time.Duration `knob:"reopen-wait" group:"Moves" route:"true" range:"100ms..10m" help:"time that a session to be moved waits until neither side is inside a message (after that it stays where it is), or, if its backend is gone, for a backend that takes it"`
	ReopenNotice  string        `knob:"reopen-notice" group:"Moves" route:"true" arg:"TEXT" help:"text message that a client gets each time its session has been moved; empty: none"`
	ReopenHeader  string        `knob:"reopen-header" group:"Moves" route:"true" arg:"NAME" help:"header field that tells a backend of a session that comes from another one, as in 'Weir-Reopen: 3; reason=manual' for the third move; empty: none"`
	EndpointDrain time.Duration `knob:"endpoint-drain" group:"Moves" route:"true" range:"0|1s..24h" help:"time over which the sessions of a backend that is drained or leaves are moved, or closed with drain-code; 0: they stay, unless they can be moved"`

	Rebalance       Rebalance `knob:"rebalance" group:"Moves" route:"true" help:"move sessions from backends that have more than their share (with balance: hash those whose key belongs elsewhere by now) at this rate, such as 10%/min of the route's sessions; without on-backend-loss: reopen they are closed with drain-code; 0: never"`
	RebalanceWithin int       `knob:"rebalance-within" group:"Moves" route:"true" arg:"PERCENT" range:"1..1000" help:"how much more than its share a backend may have before rebalance moves its sessions"`

	StickyCookie   string        `knob:"sticky-cookie" group:"Stickiness" route:"true" arg:"NAME" help:"name of a cookie that keeps a client at its backend while the backend is healthy; empty: none"`
	StickyTTL      time.Duration `knob:"sticky-ttl" group:"Stickiness" route:"true" range:"0|1s..9600h" help:"lifetime of the sticky cookie; 0: until the browser is closed"`
	StickySameSite SameSite      `knob:"sticky-same-site" group:"Stickiness" route:"true" help:"SameSite of the sticky cookie: lax, strict or none (for pages of other sites, over TLS only; the cookie is then also Partitioned)"`
	StickyKey      string        `knob:"sticky-key" group:"Stickiness" secret:"true" arg:"SECRET" help:"secret that signs sticky cookies, at least 16 bytes, the same on every gateway; empty: random at each start"`

	Health         Health        `knob:"health" group:"Health" route:"true" help:"health check of a backend: tcp (connects, with TLS if it has TLS), http (GET health-path), websocket (opens a WebSocket at health-path and closes it with 1000) or auto (http if health-path is set, else tcp)"`
	HealthPath     string        `knob:"health-path" group:"Health" route:"true" arg:"PATH" help:"path of http and websocket health checks; empty: /"`
	HealthStatus   []string      `knob:"health-status" group:"Health" route:"true" arg:"STATUS" help:"status of a good http health check, or a range such as 200-399"`
	HealthHeader   []string      `knob:"health-header" group:"Health" route:"true" secret:"true" arg:"FIELD" sep:"\n" help:"header field of http and websocket health checks, as 'Authorization: Bearer abc'; Host is upstream-host"`
	HealthPort     int           `knob:"health-port" group:"Health" route:"true" arg:"PORT" range:"0..65535" help:"port that health checks connect to; 0: the backend's own port"`
	HealthInterval time.Duration `knob:"health-interval" group:"Health" route:"true" range:"0|100ms..24h" help:"time between two health checks of a backend; 0: no checks"`
	HealthTimeout  time.Duration `knob:"health-timeout" group:"Health" route:"true" range:"10ms..1h" help:"time after which a health check has failed"`
	HealthRise     int           `knob:"health-rise" group:"Health" route:"true" range:"1..1000" help:"good health checks in a row that bring a backend back"`
	HealthFall     int           `knob:"health-fall" group:"Health" route:"true" range:"1..1000" help:"failures in a row that take a backend out"`

	Outlier       bool          `knob:"outlier" group:"Outliers" route:"true" help:"take a backend out for a while that fails many handshakes (connect fails, no answer, status 5xx, ends early); three answers in a row that do not come in time are enough"`
	OutlierRatio  int           `knob:"outlier-ratio" group:"Outliers" route:"true" arg:"PERCENT" range:"1..100" help:"part of a backend's handshakes that has to fail, more than this, before it is taken out"`
	OutlierMin    int           `knob:"outlier-min" group:"Outliers" route:"true" range:"1..1000000" help:"handshakes of a backend within outlier-window that are enough to judge it"`
	OutlierWindow time.Duration `knob:"outlier-window" group:"Outliers" route:"true" range:"1s..1h" help:"time over which handshakes of a backend are counted; a client that fails again and again counts once"`
	OutlierEarly  time.Duration `knob:"outlier-early" group:"Outliers" route:"true" range:"0|10ms..1h" help:"a session that its backend ends sooner after the client connected, without a close frame or with code 1011 or 1014, counts as a failed handshake; 0: none does"`
	OutlierEject  time.Duration `knob:"outlier-eject" group:"Outliers" route:"true" range:"1s..24h" help:"time that a backend is taken out; doubled each time, up to 10m, and halved as it stays good"`
	OutlierMax    int           `knob:"outlier-max" group:"Outliers" route:"true" arg:"PERCENT" range:"0..100" help:"most backends of a route that may be taken out at once; one always may, the last never"`

	PoolMin          int           `knob:"pool-min" group:"Pools" route:"true" range:"0..1000" help:"connections that each loop keeps open to a pooled (h2c://) backend before clients need them"`
	PoolMaxStreams   int           `knob:"pool-max-streams" group:"Pools" route:"true" range:"0..1000000" help:"sessions per pooled connection, if the backend does not allow fewer; 0: as many as the backend allows"`
	PoolIdle         time.Duration `knob:"pool-idle" group:"Pools" route:"true" range:"1s..24h" help:"time after which a pooled connection without sessions is closed, down to pool-min"`
	PoolPingInterval time.Duration `knob:"pool-ping-interval" group:"Pools" route:"true" range:"0|1s..24h" help:"silence after which a pooled connection is pinged; 0: never"`
	PoolPingTimeout  time.Duration `knob:"pool-ping-timeout" group:"Pools" route:"true" range:"10ms..1h" help:"time a pooled backend has to answer such a ping"`
	PoolSpread       time.Duration `knob:"pool-spread" group:"Pools" route:"true" range:"0|20ms..10m" help:"time over which the sessions of a broken pooled connection are closed"`

	UpstreamCA         string `knob:"upstream-ca" group:"Backend TLS" route:"true" arg:"FILE" none:"off" filled:"true" help:"authorities that backends' certificates are checked against, PEM; off: the system's"`
	UpstreamCert       string `knob:"upstream-cert" group:"Backend TLS" route:"true" arg:"FILE" help:"client certificate that Weir shows to backends, PEM"`
	UpstreamKey        string `knob:"upstream-key" group:"Backend TLS" route:"true" arg:"FILE" help:"private key of upstream-cert, PEM"`
	UpstreamServerName string `knob:"upstream-server-name" group:"Backend TLS" route:"true" arg:"NAME" help:"name that a backend's certificate must have; empty: the host of the backend's URL"`
	UpstreamSkipVerify bool   `knob:"upstream-skip-verify" group:"Backend TLS" route:"true" help:"accept any certificate from backends: anyone on the way to a backend can then read and change everything"`

	HTTP               bool          `knob:"http" group:"HTTP" route:"true" help:"forward plain HTTP requests too; false: answer them with 426"`
	HTTPUpstream       []string      `knob:"http-upstream" group:"HTTP" route:"true" arg:"URL" help:"backend of plain HTTP requests, in the forms of upstream; empty: the backends of WebSockets"`
	HTTPTimeout        time.Duration `knob:"http-timeout" group:"HTTP" route:"true" range:"10ms..24h" help:"time a backend has to begin its answer to a plain request"`
	HTTPIdleTimeout    time.Duration `knob:"http-idle-timeout" group:"HTTP" restart:"true" range:"100ms..24h" help:"time after which a client's connection without a request is closed"`
	MaxHTTPConnections int           `knob:"max-http-connections" group:"HTTP" restart:"true" range:"1..1000000" help:"client connections with plain requests at once, in all"`
	HTTPMinRate        Size          `knob:"http-min-rate" group:"HTTP" range:"0|1..1GiB" restart:"true" help:"bytes per second that a client must take of a plain answer that waits for it, measured over each minute of waiting; 0: it must take some in each minute"`
	HTTPHalfClose      HalfClose     `knob:"http-half-close" group:"HTTP" restart:"true" help:"a client that ends its direction of TCP after a plain request over HTTP/1.1: answer (it still gets the answer) or cut (it counts as gone)"`
	UpgradeOther       []string      `knob:"upgrade-other" group:"HTTP" route:"true" arg:"NAME" help:"protocols other than WebSocket that clients may upgrade to, such as tcp or SPDY/3.1: bytes pass both ways unread; backends must be ws:// or wss://; empty: such requests are plain HTTP"`
	PathRewrite        string        `knob:"path-rewrite" group:"HTTP" route:"true" arg:"RULE" help:"change the path that backends get, for WebSockets too: 'REGEXP REPLACEMENT', as '^/chat/(.*)$ /$1'; the query stays"`
	PathEncoded        PathEncoded   `knob:"path-encoded" group:"HTTP" route:"true" help:"paths that servers read differently (%2F, ;, //, dot segments, overlong UTF-8), if the path decides the route, path-rewrite or the answer of auth-url: refuse (400), or pass (unchanged, if every reading leads to this route)"`

	HandshakeTimeout time.Duration `knob:"handshake-timeout" group:"Timeouts" restart:"true" range:"10ms..1h" help:"time a client has to send its whole request, TLS handshake included"`
	ConnectTimeout   time.Duration `knob:"connect-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"time for connecting to a backend, TLS handshake included"`
	BackendTimeout   time.Duration `knob:"backend-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"time a backend has to answer a WebSocket handshake"`
	IdleTimeout      time.Duration `knob:"idle-timeout" group:"Timeouts" route:"true" range:"0|100ms..1000h" help:"close a session after this time without a byte in either direction; 0: never"`
	PingInterval     time.Duration `knob:"ping-interval" group:"Timeouts" route:"true" range:"0|100ms..24h" help:"silence after which a client is pinged; 0: never"`
	PongTimeout      time.Duration `knob:"pong-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"time a pinged client or backend has to send anything"`
	BackendPing      time.Duration `knob:"backend-ping-interval" group:"Timeouts" route:"true" range:"0|100ms..24h" help:"silence in a session after which its backend is pinged (184 bytes more per session); 0: never"`
	SlowTimeout      time.Duration `knob:"slow-reader-timeout" group:"Timeouts" route:"true" range:"100ms..1h" help:"how long a client's queue may stay full before slow-reader applies"`
	GatherTimeout    time.Duration `knob:"gather-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"time a client has for the next byte of a message that Weir sees as a whole and that occupies gather-memory"`
	CloseTimeout     time.Duration `knob:"close-timeout" group:"Timeouts" route:"true" range:"10ms..1h" help:"time between a close frame and the end of the TCP connection"`
	ReloadDrain      time.Duration `knob:"reload-drain" group:"Timeouts" range:"0|10ms..1000h" help:"time over which a reload closes sessions whose route or backend is no longer configured, with drain-code; 0: they stay open"`
	DrainTimeout     time.Duration `knob:"drain-timeout" group:"Timeouts" range:"10ms..24h" help:"time over which a drain closes all sessions"`
	UpgradeDrain     time.Duration `knob:"upgrade-drain" group:"Timeouts" range:"0|10ms..1000h" help:"time over which a process replaced by a successor (weir upgrade) closes its sessions; 0: they stay open until they end"`

	MaxConnections      int  `knob:"max-connections" group:"Limits" range:"0..100000000" help:"client connections in all; 0: derived from the limit of open files"`
	MaxConnectionsPerIP int  `knob:"max-connections-per-ip" group:"Limits" range:"0..100000000" help:"client connections from one address; 0: no limit"`
	MaxRequests         int  `knob:"max-requests" group:"Limits" range:"0..100000000" help:"plain requests in flight in all, over any protocol; 0: derived from the limit of open files"`
	MaxRequestsPerIP    int  `knob:"max-requests-per-ip" group:"Limits" range:"0..100000000" help:"plain requests in flight from one address, except trusted proxies; 0: a quarter of max-requests"`
	MaxHeaderSize       Size `knob:"max-header-size" group:"Limits" restart:"true" range:"1KiB..1MiB" help:"size of the head of a request or of a backend's answer"`
	MaxPathLength       Size `knob:"max-path-length" group:"Limits" restart:"true" range:"64..1MiB" help:"length of a request's path, without the query"`
	MaxHeaderFields     int  `knob:"max-header-fields" group:"Limits" restart:"true" range:"8..1000" help:"header fields of a request or of a backend's answer"`
	MaxMessageSize      Size `knob:"max-message-size" group:"Limits" route:"true" range:"0|125..1024GiB" help:"size of one message, as sent and inflated; 0: no limit, but 1 MiB for messages that Weir sees as a whole"`
	MaxFrameSize        Size `knob:"max-frame-size" group:"Limits" route:"true" range:"0|125..1024GiB" help:"size of one frame; 0: no limit"`
	HighWater           Size `knob:"high-water" group:"Limits" range:"8KiB..1GiB" help:"bytes queued to one side at which Weir stops reading the other; at least 2 x read-buffer"`
	GatherMemory        Size `knob:"gather-memory" group:"Limits" range:"1MiB..1024GiB" help:"memory for all unfinished messages that Weir sees as a whole: for compression: gateway, or messages: json"`
	LowWater            Size `knob:"low-water" group:"Limits" restart:"true" range:"0..1GiB" help:"bytes still queued to one side at which Weir reads the other again"`
	ReadBuffer          Size `knob:"read-buffer" group:"Limits" restart:"true" range:"4KiB..16MiB" help:"read buffer of an event loop, shared by its connections"`

	Messages             Messages    `knob:"messages" group:"Messages" route:"true" help:"messages that clients may send: any, text, binary or json (text that is JSON); others are closed with 1003 or 1007"`
	ValidateUTF8         bool        `knob:"validate-utf8" group:"Messages" route:"true" help:"check that text messages are UTF-8; reads every byte, but not inside what client and backend compress"`
	Compression          Compression `knob:"compression" group:"Messages" route:"true" help:"who compresses messages: pass (client and backend, if they agree), gateway (Weir, for backends that cannot) or off"`
	CompressionLevel     int         `knob:"compression-level" group:"Messages" route:"true" range:"1..6" help:"effort of Weir's own compression"`
	CompressionThreshold Size        `knob:"compression-threshold" group:"Messages" route:"true" range:"0..1GiB" help:"size below which Weir sends messages uncompressed"`
	CompressionWindow    int         `knob:"compression-window" group:"Messages" route:"true" range:"8..15" help:"bits of the largest window that Weir compresses with; clients need as much memory, and may ask for less"`
	Extensions           Extensions  `knob:"extensions" group:"Messages" route:"true" help:"WebSocket extensions other than permessage-deflate: strip (removed from clients' offers) or pass (client and backend may agree on them; frames may then have reserved bits and opcodes)"`
	SlowReader           SlowReader  `knob:"slow-reader" group:"Messages" route:"true" help:"a client whose queue stays full: wait (Weir does not read its backend), close (with slow-reader-code) or drop (the oldest whole messages)"`
	DrainCode            int         `knob:"drain-code" group:"Messages" arg:"CODE" help:"close code of a drain: 1001 (going away) or 1012 (service restart)"`
	BackendLostCode      int         `knob:"backend-lost-code" group:"Messages" route:"true" arg:"CODE" range:"1000..4999" help:"close code for clients whose backend ended without a close frame; some client libraries reject 1014"`
	SlowReaderCode       int         `knob:"slow-reader-code" group:"Messages" route:"true" arg:"CODE" range:"1000..4999" help:"close code of slow-reader: close"`
	GatherMemoryCode     int         `knob:"gather-memory-code" group:"Messages" route:"true" arg:"CODE" range:"1000..4999" help:"close code of a session whose message finds no room in gather-memory, or exceeds gather-timeout"`

	RequestHeader  []string `knob:"request-header" group:"Headers" route:"true" arg:"RULE" sep:"\n" help:"change requests on their way to the backend: 'set X-Team: blue', 'add X-Via: weir' or 'remove X-Debug'"`
	ResponseHeader []string `knob:"response-header" group:"Headers" route:"true" arg:"RULE" sep:"\n" help:"change answers on their way to the client, and refusals of plain requests, by the rules of request-header"`
	Forwarded      bool     `knob:"forwarded" group:"Headers" route:"true" help:"give backends the client's address in X-Forwarded-For, -Proto, -Host and X-Real-IP, replacing the client's own fields"`
	EndpointHeader string   `knob:"endpoint-header" group:"Headers" route:"true" arg:"NAME" help:"response header that names the backend to clients; empty: none (it reveals an internal address)"`
	UpstreamHost   string   `knob:"upstream-host" group:"Headers" route:"true" arg:"HOST" help:"Host that backends get; empty: the client's"`

	TCPNoDelay     bool          `knob:"tcp-nodelay" group:"Sockets" restart:"true" help:"send small TCP segments at once"`
	TCPKeepAlive   time.Duration `knob:"tcp-keepalive" group:"Sockets" restart:"true" range:"0|1s..9h" help:"silence after which TCP probes the peer, or up to half as much more, on at most 1,000 connections per processor; 0: never"`
	TCPUserTimeout time.Duration `knob:"tcp-user-timeout" group:"Sockets" restart:"true" range:"0|1ms..24h" help:"time after which a peer that acknowledges nothing is cut; 0: the kernel's default"`
	TCPNotSent     Size          `knob:"tcp-notsent-lowat" group:"Sockets" restart:"true" range:"0|4KiB..1GiB" help:"unsent bytes that the kernel keeps for a client before it accepts no more (Linux); 0: as many as its buffer holds, some MiB, but 64 KiB if slow-reader is not wait"`
	Backlog        int           `knob:"backlog" group:"Sockets" restart:"true" range:"0..65535" help:"connections that wait to be accepted; 0: the kernel's maximum"`
	DeferAccept    time.Duration `knob:"defer-accept" group:"Sockets" restart:"true" range:"0|1s..1h" help:"accept a client only when it has sent something, or after this time (Linux); 0: at once"`

	AccessLog       AccessLog  `knob:"access-log" group:"Logs" restart:"true" help:"log lines for sessions and requests: text, json or off; json writes every line as JSON"`
	AccessLogSample int        `knob:"access-log-sample" group:"Logs" range:"1..1000000" help:"log one session in N"`
	LogLevel        slog.Level `knob:"log-level" group:"Logs" help:"lowest level of log lines: debug, info, warn or error"`

	MetricsPushURL      string        `knob:"metrics-push-url" group:"Metrics" restart:"true" secret:"true" arg:"URL" help:"URL to which Weir pushes metrics in Prometheus' text format; empty: none"`
	MetricsPushInterval time.Duration `knob:"metrics-push-interval" group:"Metrics" restart:"true" range:"1s..24h" help:"time between two pushes of metrics"`
	MetricsPushLabels   string        `knob:"metrics-push-labels" group:"Metrics" restart:"true" arg:"LABELS" help:"labels added to pushed metrics, as 'instance=\"a\",zone=\"b\"'"`

	AdminToken string `knob:"admin-token" group:"Admin" secret:"true" arg:"TOKEN" help:"bearer token that POST requests to the admin listener need; empty: they are accepted from loopback only"`

	// Routes are never none once Load has returned. A request takes the first that matches.
	Routes []Route `knob:"-"`
	// Sites are the server names with rules of their own for client certificates.
	Sites []Site `knob:"-"`

	places     map[string]string // where a knob's value was given, for Validate's errors
	overridden []Setting         // that others went before
	warnings   []string          // of what was read
	sum        FileSum           // of the file
}
