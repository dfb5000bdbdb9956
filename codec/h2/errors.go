package h2

// Error is the peer's fault: a rule that it broke. Errors are constants, never built per frame. Whether the connection
// ends by it or one stream, the event or the doc of the function that gives it tells.
type Error struct {
	Code   ErrorCode // to send in GOAWAY or RST_STREAM
	Reason string    // the fault's one name, in snake_case: close reason, log field and metric label
	Text   string    // a sentence for people that names the rule's section
}

func (e *Error) Error() string { return e.Text }

// Faults of a connection.
var (
	badPreface       = blame(ProtocolError, "h2_bad_preface", "the client does not begin with the HTTP/2 preface (RFC 9113 section 3.4)")
	settingsNotFirst = blame(ProtocolError, "h2_settings_not_first", "the first frame is not SETTINGS: does the peer speak HTTP/2? (RFC 9113 section 3.4)")
	frameTooLarge    = blame(FrameSizeError, "h2_frame_too_large", "a frame is larger than we allow (RFC 9113 section 4.2)")
	frameLength      = blame(FrameSizeError, "h2_frame_length", "a frame's length is not one that its type can have (RFC 9113 section 4.2)")
	badPadding       = blame(ProtocolError, "h2_bad_padding", "the padding is longer than the frame (RFC 9113 section 6.1)")
	streamZero       = blame(ProtocolError, "h2_stream_zero", "a frame of a stream came on stream 0 (RFC 9113 section 6)")
	streamNotZero    = blame(ProtocolError, "h2_stream_not_zero", "a frame of the connection came on a stream (RFC 9113 section 6)")
	evenStream       = blame(ProtocolError, "h2_even_stream", "an even stream, though nothing may be pushed (RFC 9113 section 5.1.1)")
	pushPromise      = blame(ProtocolError, "h2_push_promise", "PUSH_PROMISE, though nothing may be pushed (RFC 9113 section 6.6)")
	interrupted      = blame(ProtocolError, "h2_interrupted_headers", "another frame came before a header block's CONTINUATION (RFC 9113 section 4.3)")
	continuation     = blame(ProtocolError, "h2_unexpected_continuation", "CONTINUATION continues no header block (RFC 9113 section 6.10)")
	continuations    = blame(EnhanceYourCalm, "h2_continuation_flood", "a header block has too many CONTINUATION frames (RFC 9113 section 10.5)")
	compression      = blame(CompressionError, "h2_compression", "a header block cannot be decoded (RFC 9113 section 4.3)")
	stringTooLarge   = blame(EnhanceYourCalm, "h2_header_string_too_large", "a header field is larger than a whole header list may be (RFC 9113 section 10.5.1)")
	zeroIncrement    = blame(ProtocolError, "h2_zero_increment", "WINDOW_UPDATE adds nothing (RFC 9113 section 6.9)")
	badPush          = blame(ProtocolError, "h2_bad_enable_push", "ENABLE_PUSH has a value that the peer may not send (RFC 9113 section 6.5.2)")
	badInitialWindow = blame(FlowControlError, "h2_bad_initial_window_size", "INITIAL_WINDOW_SIZE is over 2^31-1 (RFC 9113 section 6.5.2)")
	badMaxFrame      = blame(ProtocolError, "h2_bad_max_frame_size", "MAX_FRAME_SIZE is not within 2^14 and 2^24-1 (RFC 9113 section 6.5.2)")
	badConnect       = blame(ProtocolError, "h2_bad_enable_connect_protocol", "ENABLE_CONNECT_PROTOCOL is not 0 or 1, or was taken back (RFC 8441 section 3)")
)

// Floods, which are faults of a connection.
var (
	dataFlood     = blame(EnhanceYourCalm, "h2_empty_data_flood", "too many empty DATA frames (RFC 9113 section 10.5)")
	headersFlood  = blame(EnhanceYourCalm, "h2_headers_flood", "too many HEADERS frames and too little DATA (RFC 9113 section 10.5)")
	priorityFlood = blame(EnhanceYourCalm, "h2_priority_flood", "too many PRIORITY frames (RFC 9113 section 10.5)")
	resetFlood    = blame(EnhanceYourCalm, "h2_reset_flood", "too many RST_STREAM frames (RFC 9113 section 10.5)")
	settingsFlood = blame(EnhanceYourCalm, "h2_settings_flood", "too many SETTINGS frames (RFC 9113 section 10.5)")
	walkFlood     = blame(EnhanceYourCalm, "h2_walk_flood", "too many SETTINGS or GOAWAY frames for so many streams (RFC 9113 section 10.5)")
	pingFlood     = blame(EnhanceYourCalm, "h2_ping_flood", "too many PING frames (RFC 9113 section 10.5)")
	goAwayFlood   = blame(EnhanceYourCalm, "h2_goaway_flood", "too many GOAWAY frames (RFC 9113 section 10.5)")
	unknownFlood  = blame(EnhanceYourCalm, "h2_unknown_frame_flood", "too many frames of unknown types (RFC 9113 section 10.5)")
	faultFlood    = blame(EnhanceYourCalm, "h2_stream_fault_flood", "too many streams that have to be reset for their faults (RFC 9113 section 10.5)")
)

// Faults of a stream; zeroIncrement is one too.
var (
	priorityLength    = blame(FrameSizeError, "h2_priority_length", "PRIORITY is not 5 bytes long (RFC 9113 section 6.3)")
	headerListSize    = blame(EnhanceYourCalm, "h2_header_list_too_large", "a header list is larger than we allow (RFC 9113 section 10.5.1)")
	tooManyFields     = blame(EnhanceYourCalm, "h2_too_many_fields", "a header list has too many fields (RFC 9113 section 10.5.1)")
	badFieldName      = blame(ProtocolError, "h2_bad_field_name", "a field's name is not a token in lower case (RFC 9113 section 8.2.1)")
	badFieldValue     = blame(ProtocolError, "h2_bad_field_value", "a field's value has control bytes or white space around it (RFC 9113 section 8.2.1)")
	connectionField   = blame(ProtocolError, "h2_connection_field", "a field that only HTTP/1.1 connections may have (RFC 9113 section 8.2.2)")
	unknownPseudo     = blame(ProtocolError, "h2_unknown_pseudo_field", "a pseudo-header field that is unknown there (RFC 9113 section 8.3)")
	duplicatePseudo   = blame(ProtocolError, "h2_duplicate_pseudo_field", "a pseudo-header field came twice (RFC 9113 section 8.3)")
	latePseudo        = blame(ProtocolError, "h2_late_pseudo_field", "a pseudo-header field came after a field (RFC 9113 section 8.3)")
	missingPseudo     = blame(ProtocolError, "h2_missing_pseudo_field", "a pseudo-header field is missing (RFC 9113 section 8.3)")
	surplusPseudo     = blame(ProtocolError, "h2_surplus_pseudo_field", "a pseudo-header field that this request may not have (RFC 9113 section 8.5, RFC 8441 section 4)")
	badStatus         = blame(ProtocolError, "h2_bad_status", ":status is not one that HTTP/2 has (RFC 9113 sections 8.3.2 and 8.6)")
	endedInformation  = blame(ProtocolError, "h2_interim_response_ends", "an interim response ends its stream (RFC 9113 section 8.1)")
	badRequestPseudo  = blame(ProtocolError, "h2_bad_request_pseudo_field", "a request's pseudo-header field holds bytes that it may not (RFC 9113 section 8.3.1)")
	authorityMismatch = blame(ProtocolError, "h2_authority_mismatch", "Host and :authority differ (RFC 9113 section 8.3.1)")
)

// What a [Window] finds; on a stream they end the stream, on stream 0 the connection.
var (
	windowExceeded = blame(FlowControlError, "h2_window_exceeded", "more DATA came than the window allows (RFC 9113 section 6.9.1)")
	windowOverflow = blame(FlowControlError, "h2_window_overflow", "a window grew beyond 2^31-1 (RFC 9113 sections 6.9.1 and 6.9.2)")
)

// Errors are all that this package finds, for whoever counts or documents them.
var Errors []*Error

func blame(code ErrorCode, reason, text string) *Error {
	e := &Error{Code: code, Reason: reason, Text: text}
	Errors = append(Errors, e)
	return e
}
