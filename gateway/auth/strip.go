package auth

import (
	"bytes"

	"weir/codec/http1"
)

// Strip is where the method that let a client in looks for credentials: all its sources, since one that was not read
// was not checked either, and a backend might read it.
type Strip []Source

// sources are all places where a credential is looked for.
func (o *Options) sources() (all Strip) {
	if o.JWT != nil {
		if all = append(all, o.JWT.From...); len(all) == 0 {
			all = Strip{Authorization}
		}
	}
	if o.Basic != nil {
		all = append(all, basicSource)
	}
	if o.Keys != nil {
		all = append(all, keySource)
	}
	if o.Forward != nil {
		all = append(all, forwardStrip...)
	}
	return all
}

// Fields appends to dst the fields less all credentials there. dst may be fields[:0]; values are never written to.
func (s Strip) Fields(dst, fields []http1.Field) []http1.Field {
	base := len(dst)
	dst = append(dst, fields...)
	for _, src := range s {
		switch src.Place {
		case Header:
			dst = keep(dst, base, func(f *http1.Field) bool {
				return !http1.Alike(f.Name, src.Name) || src.afterScheme(f.Value) == nil
			})
		case Cookie:
			dst = keep(dst, base, func(f *http1.Field) bool { return !http1.Same(f.Name, "Cookie") || src.stripCookie(f) })
		case Protocol, ProtocolPrefix:
			dst = src.stripOffers(dst, base)
		}
	}
	return dst
}

// Target is a request's target less the credentials in its query.
func (s Strip) Target(target []byte) []byte {
	for _, src := range s {
		path, query, ok := bytes.Cut(target, []byte{'?'})
		if src.Place != Query || !ok {
			continue
		}
		rest, changed := without(query, '&', func(name []byte) bool { return string(unescape(name)) == src.Name })
		switch {
		case changed && len(rest) > 0:
			target = append(append(bytes.Clone(path), '?'), rest...)
		case changed:
			target = path
		}
	}
	return target
}

func (s Source) stripCookie(f *http1.Field) (some bool) {
	rest, changed := without(f.Value, ';', func(name []byte) bool { return string(name) == s.Name })
	if changed {
		f.Value = rest
	}
	return len(rest) > 0 || !changed
}

// stripOffers takes out the token and the marker before it.
func (s Source) stripOffers(dst []http1.Field, base int) []http1.Field {
	fields := dst[base:]
	rest, changed := make([][]byte, len(fields)), false
	s.offers(fields, func(field int, item, value []byte) {
		if value != nil {
			changed = true
			return
		}
		if rest[field] != nil {
			rest[field] = append(rest[field], ", "...)
		}
		rest[field] = append(rest[field], item...)
	})
	if !changed {
		return dst
	}
	i := -1
	return keep(dst, base, func(f *http1.Field) bool {
		i++
		if http1.Same(f.Name, protocolField) {
			f.Value = rest[i]
			return len(rest[i]) > 0
		}
		return true
	})
}

// keep filters dst[base:] in place; good may change a field.
func keep(dst []http1.Field, base int, good func(*http1.Field) bool) []http1.Field {
	kept := dst[:base]
	for _, f := range dst[base:] {
		if good(&f) {
			kept = append(kept, f)
		}
	}
	return kept
}

// without copies a list less the items of some names.
func without(list []byte, sep byte, drop func(name []byte) bool) (rest []byte, changed bool) {
	each(list, sep, func(item, name, _ []byte) bool {
		if drop(name) {
			changed = true
			return true
		}
		if len(rest) > 0 {
			if rest = append(rest, sep); sep == ';' {
				rest = append(rest, ' ')
			}
		}
		rest = append(rest, item...)
		return true
	})
	return rest, changed
}
