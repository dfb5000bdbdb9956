package plan

import (
	"slices"
	"strings"

	"weir/codec/http1"
)

// compressions are extensions that compress, apart from permessage-deflate: the gateway knows none of them, and what is said
// about compression holds for them.
var compressions = []string{"permessage-bzip2", "permessage-snappy", "deflate-frame", "x-webkit-deflate-frame"}

// Filter takes the extensions that do not pass on this route out of a request, or out of its answer.
func (r *Route) Filter(fields []http1.Field) []http1.Field {
	if r.Extensions != r.PlainBackend {
		return fields // all of them pass, or a rule on header fields has removed them
	}
	kept := fields[:0]
	for _, f := range fields {
		if http1.Same(f.Name, ExtensionsField) {
			if f.Value = http1.KeepExtensions(f.Value, r.passes); f.Value == nil {
				continue
			}
		}
		kept = append(kept, f)
	}
	clear(fields[len(kept):])
	return kept
}

// passes tells whether client and backend may agree on an extension.
func (r *Route) passes(name []byte) bool {
	if http1.Same(name, "permessage-deflate") {
		return !r.PlainBackend
	}
	return r.Extensions && !(r.PlainBackend && slices.Contains(compressions, strings.ToLower(string(name))))
}
