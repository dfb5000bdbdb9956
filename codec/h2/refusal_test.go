package h2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/codec/h2"
)

// never lists what a peer must not send, and its names. Each begins behind the first SETTINGS.
func never() []struct {
	name  string
	side  h2.Side
	bytes []byte
	want  string // "CODE reason", of a stream if a number stands before
} {
	setting := func(id byte, v string) []byte { return raw(h2.TypeSettings, 0, 0, "\x00"+string(id)+v) }
	status := []string{":status", "200"}
	response := func(pairs ...string) []byte { return headers(1, 0, append(slices.Clone(status), pairs...)...) }
	get := []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}
	ask := func(pairs ...string) []byte { return headers(1, 0, pairs...) }
	const c, s = h2.Client, h2.Server
	const protocol, size = "PROTOCOL_ERROR ", "FRAME_SIZE_ERROR "
	return []struct {
		name  string
		side  h2.Side
		bytes []byte
		want  string
	}{
		{"frame too large", c, h2.AppendHeader(nil, h2.Header{Length: 16385, Type: h2.TypeData, Stream: 1}), size + "h2_frame_too_large"},
		{"unknown frame too large", c, h2.AppendHeader(nil, h2.Header{Length: 1 << 20, Type: 99}), size + "h2_frame_too_large"},
		{"settings length", c, raw(h2.TypeSettings, 0, 0, "12345"), size + "h2_frame_length"},
		{"settings ack length", c, raw(h2.TypeSettings, h2.FlagAck, 0, "123456"), size + "h2_frame_length"},
		{"ping length", c, raw(h2.TypePing, 0, 0, "1234567"), size + "h2_frame_length"},
		{"reset length", c, raw(h2.TypeReset, 0, 1, "12345"), size + "h2_frame_length"},
		{"window update length", c, raw(h2.TypeWindowUpdate, 0, 1, "123"), size + "h2_frame_length"},
		{"goaway length", c, raw(h2.TypeGoAway, 0, 0, "1234567"), size + "h2_frame_length"},
		{"padded data without length", c, raw(h2.TypeData, h2.FlagPadded, 1, ""), size + "h2_frame_length"},
		{"padded headers without length", c, raw(h2.TypeHeaders, h2.FlagPadded|h2.FlagEndHeaders, 1, ""), size + "h2_frame_length"},
		{"headers without priority", c, raw(h2.TypeHeaders, h2.FlagPriority|h2.FlagPadded, 1, "12345"), size + "h2_frame_length"},
		{"data padding", c, raw(h2.TypeData, h2.FlagPadded, 1, "\x03ab"), protocol + "h2_bad_padding"},
		{"headers padding", c, raw(h2.TypeHeaders, h2.FlagPadded, 1, "\x03ab"), protocol + "h2_bad_padding"},
		{"headers padding and priority", c, raw(h2.TypeHeaders, h2.FlagPadded|h2.FlagPriority, 1, "\x0112345"), protocol + "h2_bad_padding"},

		{"data on 0", c, raw(h2.TypeData, 0, 0, "x"), protocol + "h2_stream_zero"},
		{"headers on 0", c, headers(0, 0, status...), protocol + "h2_stream_zero"},
		{"reset on 0", c, raw(h2.TypeReset, 0, 0, "1234"), protocol + "h2_stream_zero"},
		{"priority on 0", c, raw(h2.TypePriority, 0, 0, "12345"), protocol + "h2_stream_zero"},
		{"continuation on 0", c, raw(h2.TypeContinuation, 0, 0, ""), protocol + "h2_stream_zero"},
		{"settings on 1", c, raw(h2.TypeSettings, 0, 1, ""), protocol + "h2_stream_not_zero"},
		{"ping on 1", c, raw(h2.TypePing, 0, 1, "12345678"), protocol + "h2_stream_not_zero"},
		{"goaway on 1", c, raw(h2.TypeGoAway, 0, 1, "12345678"), protocol + "h2_stream_not_zero"},
		{"even data", c, raw(h2.TypeData, 0, 2, "x"), protocol + "h2_even_stream"},
		{"even headers from a server", c, headers(2, 0, status...), protocol + "h2_even_stream"},
		{"even headers from a client", s, headers(2, 0, get...), protocol + "h2_even_stream"},
		{"even reset", c, raw(h2.TypeReset, 0, 4, "1234"), protocol + "h2_even_stream"},
		{"even window update", c, raw(h2.TypeWindowUpdate, 0, 4, "1234"), protocol + "h2_even_stream"},
		{"push promise", c, raw(h2.TypePushPromise, 0, 1, "1234"), protocol + "h2_push_promise"},
		{"push promise from a client", s, raw(h2.TypePushPromise, 0, 1, "1234"), protocol + "h2_push_promise"},
		{"window update of 0", c, raw(h2.TypeWindowUpdate, 0, 0, "\x80\x00\x00\x00"), protocol + "h2_zero_increment"},

		{"lone continuation", c, raw(h2.TypeContinuation, h2.FlagEndHeaders, 1, ""), protocol + "h2_unexpected_continuation"},
		{"headers interrupted", c, join(raw(h2.TypeHeaders, 0, 1, ""), raw(h2.TypePing, 0, 0, "12345678")), protocol + "h2_interrupted_headers"},
		{"headers interrupted by an unknown frame", c, join(raw(h2.TypeHeaders, 0, 1, ""), raw(0x99, 0, 0, "")), protocol + "h2_interrupted_headers"},
		{"continuation of another stream", c, join(raw(h2.TypeHeaders, 0, 1, ""), raw(h2.TypeContinuation, 0, 3, "")), protocol + "h2_interrupted_headers"},
		{"continuations", c, join(raw(h2.TypeHeaders, 0, 1, ""), slices.Concat(slices.Repeat(raw(h2.TypeContinuation, 0, 1, ""), 5))), "ENHANCE_YOUR_CALM h2_continuation_flood"},

		{"hpack index", c, raw(h2.TypeHeaders, h2.FlagEndHeaders, 1, "\xff\x80\x01"), "COMPRESSION_ERROR h2_compression"},
		{"hpack cut", c, raw(h2.TypeHeaders, h2.FlagEndHeaders, 1, "\x40\x05ab"), "COMPRESSION_ERROR h2_compression"},
		{"hpack integer", c, raw(h2.TypeHeaders, h2.FlagEndHeaders, 1, "\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "COMPRESSION_ERROR h2_compression"},
		{"hpack huffman", c, raw(h2.TypeHeaders, h2.FlagEndHeaders, 1, "\x40\x84\xff\xff\xff\xff\x00"), "COMPRESSION_ERROR h2_compression"},
		{"hpack table size", c, raw(h2.TypeHeaders, h2.FlagEndHeaders, 1, "\x3f\xe2\x1f"), "COMPRESSION_ERROR h2_compression"},
		{"string too large", c, response("x", strings.Repeat("y", headerList+1)), "ENHANCE_YOUR_CALM h2_header_string_too_large"},
		{"list too large", c, response("x", strings.Repeat("y", headerList)), "1 ENHANCE_YOUR_CALM h2_header_list_too_large"},
		{"too many fields", c, response(slices.Repeat([]string{"x", "y"}, 20)...), "1 ENHANCE_YOUR_CALM h2_too_many_fields"},

		{"enable push", c, setting(2, "\x00\x00\x00\x01"), protocol + "h2_bad_enable_push"},
		{"enable push of a client", s, setting(2, "\x00\x00\x00\x02"), protocol + "h2_bad_enable_push"},
		{"initial window", c, setting(4, "\x80\x00\x00\x00"), "FLOW_CONTROL_ERROR h2_bad_initial_window_size"},
		{"small max frame", c, setting(5, "\x00\x00\x3f\xff"), protocol + "h2_bad_max_frame_size"},
		{"large max frame", c, setting(5, "\x01\x00\x00\x00"), protocol + "h2_bad_max_frame_size"},
		{"enable connect", c, setting(8, "\x00\x00\x00\x02"), protocol + "h2_bad_enable_connect_protocol"},

		{"no status", c, headers(1, 0, "a", "b"), "1 " + protocol + "h2_missing_pseudo_field"},
		{"two statuses", c, headers(1, 0, ":status", "200", ":status", "200"), "1 " + protocol + "h2_duplicate_pseudo_field"},
		{"path in a response", c, response(":path", "/"), "1 " + protocol + "h2_unknown_pseudo_field"},
		{"late status", c, headers(1, 0, "a", "b", ":status", "200"), "1 " + protocol + "h2_late_pseudo_field"},
		{"status in trailers", c, headers(1, h2.FlagEndStream, "a", "b", ":status", "200"), "1 " + protocol + "h2_late_pseudo_field"},
		{"interim response ends", c, headers(1, h2.FlagEndStream, ":status", "103"), "1 " + protocol + "h2_interim_response_ends"},
		{"status in a request", s, headers(1, 0, append(get, ":status", "200")...), "1 " + protocol + "h2_unknown_pseudo_field"},
		{"unknown pseudo-header field", s, ask(append(get, ":x", "y")...), "1 " + protocol + "h2_unknown_pseudo_field"},
		{"two paths", s, ask(append(get, ":path", "/")...), "1 " + protocol + "h2_duplicate_pseudo_field"},
		{"two empty paths", s, ask(":path", "", ":path", ""), "1 " + protocol + "h2_duplicate_pseudo_field"},
		{"no method", s, ask(get[2:]...), "1 " + protocol + "h2_missing_pseudo_field"},
		{"no path", s, ask(get[:6]...), "1 " + protocol + "h2_missing_pseudo_field"},
		{"open trailers", s, ask("a", "b"), "1 " + protocol + "h2_missing_pseudo_field"},
		{"connect without authority", s, ask(":method", "CONNECT"), "1 " + protocol + "h2_missing_pseudo_field"},
		{"connect with path", s, ask(":method", "CONNECT", ":authority", "a", ":path", "/"), "1 " + protocol + "h2_surplus_pseudo_field"},
		{"extended connect without path", s, ask(":method", "CONNECT", ":authority", "a", ":protocol", "websocket", ":scheme", "http"), "1 " + protocol + "h2_missing_pseudo_field"},
		{"protocol with get", s, ask(append(get, ":protocol", "websocket")...), "1 " + protocol + "h2_surplus_pseudo_field"},
		{"another host", s, ask(append(get, "host", "b")...), "1 " + protocol + "h2_authority_mismatch"},
	}
}

// refusals are never's rows as vectors: SETTINGS, then the fault, named and alone.
func refusals() (all []vector) {
	for _, row := range never() {
		v := vector{name: row.name, side: row.side, bytes: join(hello, row.bytes), want: []string{defaults, "fault " + row.want}}
		if row.side == h2.Server {
			v.bytes = join([]byte(h2.Preface), v.bytes)
		}
		if stream, of := strings.CutPrefix(row.want, "1 "); of {
			v.want[1] = "stream fault 1 " + stream
		}
		all = append(all, v)
	}
	return append(all,
		vector{"not http2", h2.Client, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), []string{"fault PROTOCOL_ERROR h2_settings_not_first"}},
		vector{"ack first", h2.Client, h2.AppendSettingsAck(nil), []string{"fault PROTOCOL_ERROR h2_settings_not_first"}},
		vector{"no preface", h2.Server, hello, []string{"fault PROTOCOL_ERROR h2_bad_preface"}},
		vector{"wrong preface", h2.Server, []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"), []string{"fault PROTOCOL_ERROR h2_bad_preface"}},
	)
}

func TestRefusals(t *testing.T) {
	for _, v := range refusals() {
		t.Run(v.name, func(t *testing.T) {
			expect(t, walk(h2.NewReader(v.side, ours, limits), v.bytes), v.want)
		})
	}
}

// What a value or a name may not hold, in a response and in a request.
func TestFieldRules(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"", "x", "h2_bad_field_name"},
		{"Upper", "x", "h2_bad_field_name"},
		{"a b", "x", "h2_bad_field_name"},
		{"a:b", "x", "h2_bad_field_name"},
		{"a\r", "x", "h2_bad_field_name"},
		{"é", "x", "h2_bad_field_name"},
		{"x", "a\r\nb", "h2_bad_field_value"},
		{"x", "a\nb", "h2_bad_field_value"},
		{"x", "a\x00b", "h2_bad_field_value"},
		{"x", "a\x1bb", "h2_bad_field_value"},
		{"x", "a\x7f", "h2_bad_field_value"},
		{"x", " a", "h2_bad_field_value"},
		{"x", "a\t", "h2_bad_field_value"},
		{"connection", "x", "h2_connection_field"},
		{"proxy-connection", "x", "h2_connection_field"},
		{"keep-alive", "x", "h2_connection_field"},
		{"transfer-encoding", "chunked", "h2_connection_field"},
		{"upgrade", "h2c", "h2_connection_field"},
		{"te", "gzip", "h2_connection_field"},
		{"te", "trailers", ""},
		{"x", "", ""},
		{"x", "a\tb c", ""},
		{"x", "gr\xfc\xdfe", ""},
		{"!#$%&'*+-.^_`|~09az", "x", ""},
	} {
		for side, block := range map[h2.Side][]string{
			h2.Client: {":status", "200", c.name, c.value},
			h2.Server: {":method", "GET", ":scheme", "http", ":path", "/", c.name, c.value},
		} {
			judge(t, fmt.Sprintf("%q: %q", c.name, c.value), begun(t, side), headers(1, 0, block...), c.want)
		}
	}
}

// judge wants the header block to be taken, or refused by that name.
func judge(t *testing.T, what string, r *h2.Reader, frame []byte, want string) {
	t.Helper()
	ev, _ := r.Next(frame)
	if want == "" && ev.Kind != h2.Headers || want != "" && (ev.Kind != h2.StreamFault || r.Err().Reason != want) {
		t.Errorf("%s: %+v %v, want %q", what, ev, r.Err(), want)
	}
}

func TestStatus(t *testing.T) {
	for status, want := range map[string]string{
		"100": "", "200": "", "599": "",
		"": "h2_bad_status", "20": "h2_bad_status", "2000": "h2_bad_status", "0200": "h2_bad_status", "2x0": "h2_bad_status",
		"20\xff": "h2_bad_status", "+20": "h2_bad_status", "099": "h2_bad_status", "600": "h2_bad_status", "101": "h2_bad_status",
	} {
		r := begun(t, h2.Client)
		judge(t, status, r, headers(1, 0, ":status", status), want)
		if want == "" && fmt.Sprint(r.Head().Status) != status {
			t.Errorf("%s: %d", status, r.Head().Status)
		}
	}
}

func TestRequestBytes(t *testing.T) {
	for _, c := range []struct {
		method, scheme, authority, path string
		good                            bool
	}{
		{"GET", "http", "a.example:80", "/a?b={c}", true},
		{"M-SEARCH", "https", "[::1]:443", "/%20", true},
		{"", "http", "a", "/", false},
		{"G T", "http", "a", "/", false},
		{"GET", "", "a", "/", false},
		{"GET", "http://a", "a", "/", false},
		{"GET", "http", "", "/", false},
		{"GET", "http", "user@a", "/", false},
		{"GET", "http", "a,b", "/", false},
		{"GET", "http", "a\r\nx: y", "/", false},
		{"GET", "http", "a", "", false},
		{"GET", "http", "a", "*", false},
		{"GET", "http", "a", "http://a/", false},
		{"GET", "http", "a", "/ HTTP/1.1\r\nx: y", false},
		{"GET", "http", "a", "/#x", false},
		{"GET", "http", "a", "/\xc3", false},
	} {
		frame := headers(1, 0, ":method", c.method, ":scheme", c.scheme, ":authority", c.authority, ":path", c.path)
		want := "h2_bad_request_pseudo_field"
		if c.good {
			want = ""
		}
		judge(t, fmt.Sprintf("%+v", c), begun(t, h2.Server), frame, want)
	}
}

// ENABLE_CONNECT_PROTOCOL may be said again and never unsaid (RFC 8441 section 3).
func TestConnectTakenBack(t *testing.T) {
	r := clientReader()
	on, off := raw(h2.TypeSettings, 0, 0, "\x00\x08\x00\x00\x00\x01"), raw(h2.TypeSettings, 0, 0, "\x00\x08\x00\x00\x00\x00")
	got := walk(r, off, on, on, off)
	if len(got) != 4 || !r.Peer().EnableConnect || got[3] != "fault PROTOCOL_ERROR h2_bad_enable_connect_protocol" {
		t.Fatal(got)
	}
}

// A header list that is refused has changed HPACK's table nevertheless: later ones refer to it.
func TestTableOutlivesRefusal(t *testing.T) {
	r := begun(t, h2.Client)
	e := h2.NewEncoder()
	agent := fields("user-agent", "seen before")
	walk(r, e.AppendResponse(nil, 1, 200, append(fields("Bad Name", "x"), agent...), false))
	big := append(fields("x", strings.Repeat("y", headerList-80)), fields("via", "seen too", "server", "and this")...)
	expect(t, walk(r, e.AppendResponse(nil, 3, 200, big, false)), []string{"stream fault 3 ENHANCE_YOUR_CALM h2_header_list_too_large"})
	got := walk(r, e.AppendResponse(nil, 5, 200, append(agent, big[1:]...), false))
	expect(t, got, []string{"headers 5 200 [user-agent: seen before] [via: seen too] [server: and this] end=false"})
}

func TestErrorsHaveOneNameEach(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range h2.Errors {
		if seen[e.Reason] || !strings.HasPrefix(e.Reason, "h2_") || e.Text == "" || e.Error() != e.Text || e.Code == h2.NoError {
			t.Errorf("%+v", e)
		}
		seen[e.Reason] = true
	}
	for _, v := range refusals() {
		seen[v.want[len(v.want)-1][strings.LastIndexByte(v.want[len(v.want)-1], ' ')+1:]] = false
	}
	for _, f := range floods() {
		seen[f.reason] = false
	}
	// These have tables of their own above.
	for _, reason := range []string{"h2_priority_length", "h2_bad_field_name", "h2_bad_field_value", "h2_connection_field",
		"h2_bad_status", "h2_bad_request_pseudo_field", "h2_window_exceeded", "h2_window_overflow", "h2_walk_flood"} {
		seen[reason] = false
	}
	for reason, untested := range seen {
		if untested {
			t.Errorf("%s: no test", reason)
		}
	}
}
