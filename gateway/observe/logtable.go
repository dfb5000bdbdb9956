package observe

// logLine explains one kind of log line for the manual. Tests compare its fields with those that are written.
type logLine struct {
	line, when string
	fields     []logField
}

type logField struct {
	name, value string
	optional    bool
}

var (
	fieldClient   = logField{"client", "address and port of the client", false}
	fieldEndpoint = logField{"endpoint", "backend of the session or request", false}
	fieldHost     = logField{"host", "Host of the request", false}
	fieldPath     = logField{"path", "path of the request, without the query", false}
	fieldRoute    = logField{"route", "name of the route", false}
	fieldReason   = logField{"reason", "why; see [reasons](reasons.md)", false}
	fieldUp       = logField{"bytes_up", "bytes that the client sent towards the backend", false}
	fieldDown     = logField{"bytes_down", "bytes that the backend sent towards the client", false}
	fieldUser     = logField{"user", "subject of the verified credential", true}
	fieldDetail   = logField{"detail", "what is wrong with the credential or the backend; the client is not told", true}
)

// fieldsTrace are those of lines that belong to a request.
var fieldsTrace = []logField{
	{"request_id", "`X-Request-Id` that the backend got", true},
	{"traceparent", "W3C Trace Context of the request, as the client sent it", true},
	{"user_agent", "`User-Agent` of the client", true},
}

func (f logField) maybe() logField {
	f.optional = true
	return f
}

var logTable = []logLine{
	{"open", "A session was opened: a WebSocket, or another protocol of `upgrade-other`. `access-log-sample: N` writes the lines `open` and `close` of one session in N.", append([]logField{
		fieldClient, fieldEndpoint, fieldHost, fieldPath, fieldRoute,
		{"handshake", "time from the accepted connection to the 101; on a connection that carried plain requests, from the handshake", false}, fieldUser}, fieldsTrace...)},
	{"move", "A WebSocket session went on at another backend (`on-backend-loss: reopen`).", []logField{
		fieldClient, fieldEndpoint, fieldRoute, {"reason", "why: see [moves](../deploys.md#what-moves-a-session)", false},
		{"duration", "how long the session had been open", false}, fieldUser}},
	{"close", "A session ended.", []logField{
		fieldClient, fieldEndpoint, fieldReason,
		{"code", "close code that the client got or sent; 0: none", false},
		{"mid_frame", "true: the client was cut inside a frame", false},
		fieldUp, fieldDown, {"duration", "how long the session was open", false},
		{"ping_rtt_ms", "round trip of the last ping that the client answered, in milliseconds", true}, fieldUser}},
	{"refuse", "A request or a connection was refused.", append([]logField{
		fieldClient,
		{"status", "HTTP status of the answer; 0: no answer. With `auth-refusal: close` the status that belongs to the close code", false},
		fieldReason, fieldHost.maybe(), fieldPath.maybe(), fieldRoute.maybe(), fieldEndpoint.maybe(),
		{"origin", "the `Origin` that was refused", true}, fieldDetail, fieldUser}, fieldsTrace...)},
	{"http", "A plain HTTP request is over.", append([]logField{
		fieldClient, fieldEndpoint, {"method", "method of the request", false}, fieldHost, fieldPath, fieldRoute,
		{"status", "HTTP status of the answer", false}, {"reason", "why it failed; empty: it did not", false},
		fieldUp, fieldDown, {"duration", "time from the request to the end of its answer", false}, fieldDetail, fieldUser}, fieldsTrace...)},
	{"admin call", "A `POST` came to the admin listener. A call that was refused because of its sender is the line `admin call refused`, at most one every ten seconds.", []logField{
		{"call", "path of the call", false}, {"asked", "its parameters", false}, {"from", "address of the caller", false},
		{"by", "what admitted the caller: `token`, `unix socket` or `loopback`", false},
		{"status", "HTTP status of the answer", false}, {"answer", "first 256 bytes of the answer", false},
		{"left_out", "of `admin call refused`: such calls since the last line that were not logged", true}}},
}
