package http1

import (
	"net/http"
	"net/textproto"
	"strings"
)

// Spelling is how fields are named that net/http would name in another way, such as ETag: by net/http's name. To peers
// that keep the rules the case of a name means nothing (RFC 9110 section 5.1); there are others.
type Spelling map[string]string

// Spelling gives the names of a parsed request.
func (r *Request) Spelling() Spelling { return spelled(r.Fields) }

// Spelling gives the names of a parsed answer.
func (r *Response) Spelling() Spelling { return spelled(r.Fields) }

func spelled(fields []Field) (sp Spelling) {
	for _, f := range fields {
		sp.Note(textOf(f.Name))
	}
	return sp
}

// Note gives net/http's name, and keeps ours if it is another.
func (sp *Spelling) Note(name string) string {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	if canonical != name && !netHTTPs[canonical] {
		if *sp == nil {
			*sp = make(Spelling)
		}
		(*sp)[canonical] = strings.Clone(name)
	}
	return canonical
}

// netHTTPs are the names that net/http looks for to frame a message, so that they have to be as it writes them.
var netHTTPs = map[string]bool{"Connection": true, "Content-Length": true, "Expect": true, "Host": true, "Te": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true}

// Apply gives the fields of h their names back. An empty field is left under net/http's name where it would write one of
// its own if there were none.
func (sp Spelling) Apply(h http.Header) {
	for canonical, name := range sp {
		if values := h[canonical]; len(values) > 0 {
			h[name], h[canonical] = values, nil
		}
	}
}
