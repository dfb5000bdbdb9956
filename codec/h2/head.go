package h2

import (
	"bytes"

	"weir/codec/http1"
	"weir/codec/internal/chars"
)

// Head is a header list that was found well-formed. A response has Status, a request has Method, trailers have neither.
type Head struct {
	Status int // 100 to 599

	Method    []byte
	Scheme    []byte // these four are nil if they did not come
	Authority []byte
	Path      []byte // in origin form: a path with an optional query
	Protocol  []byte // of an extended CONNECT: websocket (RFC 8441 section 4)

	Fields []http1.Field // the others, with names in lower case
}

// counts tells a head that a peer may send any number of, unasked.
func (h *Head) counts() bool { return h.Method != nil || h.Status/100 == 1 }

// parse splits and checks a header list (RFC 9113 sections 8.2 and 8.3). An error ends the stream.
func (h *Head) parse(list []http1.Field, from Side, end bool) *Error {
	*h = Head{}
	var status []byte
	i := 0
	for ; i < len(list) && isPseudo(list[i].Name); i++ {
		into := h.pseudo(list[i].Name)
		if from == Server {
			if into = nil; string(list[i].Name) == ":status" {
				into = &status
			}
		}
		if into == nil {
			return unknownPseudo
		}
		if *into != nil {
			return duplicatePseudo
		}
		*into = list[i].Value
	}
	h.Fields = list[i:]
	for _, f := range h.Fields {
		if err := checkField(f); err != nil {
			return err
		}
	}
	switch {
	case i == 0 && end:
		return nil // trailers
	case from == Server:
		return h.checkResponse(status, end)
	}
	return h.checkRequest()
}

func isPseudo(name []byte) bool { return len(name) > 0 && name[0] == ':' }

// pseudo is where a request's pseudo-header field goes.
func (h *Head) pseudo(name []byte) *[]byte {
	switch string(name) {
	case ":method":
		return &h.Method
	case ":scheme":
		return &h.Scheme
	case ":authority":
		return &h.Authority
	case ":path":
		return &h.Path
	case ":protocol":
		return &h.Protocol
	}
	return nil
}

func checkField(f http1.Field) *Error {
	switch {
	case isPseudo(f.Name):
		return latePseudo // 8.3
	case len(f.Name) == 0 || !chars.All(f.Name, &isLowerToken): // 8.2.1
		return badFieldName
	case !isValue(f.Value): // 8.2.1
		return badFieldValue
	}
	switch string(f.Name) { // 8.2.2
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return connectionField
	case "te":
		if string(f.Value) != "trailers" {
			return connectionField
		}
	}
	return nil
}

func (h *Head) checkResponse(s []byte, end bool) *Error {
	switch {
	case s == nil:
		return missingPseudo
	case len(s) != 3 || s[0] < '1' || s[0] > '5' || s[1]-'0' > 9 || s[2]-'0' > 9 || string(s) == "101": // 8.6: no upgrades
		return badStatus
	case s[0] == '1' && end: // 8.1
		return endedInformation
	}
	h.Status = int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	return nil
}

func (h *Head) checkRequest() *Error {
	connect := string(h.Method) == "CONNECT"
	tunnel := connect && h.Protocol == nil
	switch {
	case h.Method == nil, connect && h.Authority == nil: // 8.3.1, 8.5
		return missingPseudo
	case tunnel && (h.Scheme != nil || h.Path != nil), !connect && h.Protocol != nil: // 8.5, RFC 8441 section 4
		return surplusPseudo
	case !tunnel && (h.Scheme == nil || h.Path == nil):
		return missingPseudo
	case !isName(h.Method), h.Scheme != nil && !isName(h.Scheme), h.Protocol != nil && !isName(h.Protocol),
		h.Authority != nil && (len(h.Authority) == 0 || !chars.All(h.Authority, &isAuthority)),
		h.Path != nil && (len(h.Path) == 0 || h.Path[0] != '/' || !chars.All(h.Path, &chars.Target)):
		return badRequestPseudo
	}
	for _, f := range h.Fields { // 8.3.1: what routes by the one must not differ from what routes by the other
		if string(f.Name) == "host" && h.Authority != nil && !bytes.EqualFold(f.Value, h.Authority) {
			return authorityMismatch
		}
	}
	return nil
}
