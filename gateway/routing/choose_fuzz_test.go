package routing_test

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"weir/gateway/routing"
)

// models do with a path what servers do, by other code than the table's.
var models = []func(string) string{
	func(p string) string { // most: unescape
		if plain, err := url.PathUnescape(p); err == nil {
			return plain
		}
		return p
	},
	func(p string) string { return regexp.MustCompile(`;[^/]*`).ReplaceAllString(p, "") }, // Tomcat, Jetty
	func(p string) string { before, _, _ := strings.Cut(p, ";"); return before },
	func(p string) string { return strings.ReplaceAll(p, `\`, "/") }, // browsers' parsers, Windows
	func(p string) string { // Go's mux, nginx
		if clean := path.Clean(p); strings.HasSuffix(p, "/") && clean != "/" {
			return clean + "/"
		} else {
			return clean
		}
	},
	func(p string) string { // Node's new URL(request.url, base)
		u, err := (&url.URL{Scheme: "http", Host: "base", Path: "/"}).Parse(p)
		if err != nil {
			return p
		}
		return u.EscapedPath()
	},
	func(p string) string { before, _, _ := strings.Cut(p, "\x00"); return before }, // C
	func(p string) string { before, _, _ := strings.Cut(p, "?"); return before },
	strings.NewReplacer("%c0%af", "/", "%C0%AF", "/", "%c0%ae", ".", "%C0%AE", ".", "%u002f", "/", "\xc0\xaf", "/", "\xc0\xae", ".", "\xe0\x80\xaf", "/").Replace,
	func(p string) string { // Windows' files
		var out []string
		for segment := range strings.SplitSeq(p, "/") {
			if strings.Trim(segment, ".") != "" {
				segment = strings.TrimRight(segment, ". ")
			}
			out = append(out, segment)
		}
		return strings.Join(out, "/")
	},
}

var inRooms = regexp.MustCompile(`^/rooms/[0-9]+$`)

// owner is the route that a server means, which looks neither at case nor at a slash at the end.
func owner(p string) int {
	p = strings.TrimSuffix(strings.ToLower(p), "/")
	below := func(prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }
	switch {
	case below("/admin/assets"):
		return assets
	case below("/admin"):
		return admin
	case p == "/secret":
		return secret
	case inRooms.MatchString(p):
		return rooms
	case below("/away"):
		return away
	}
	return open
}

// FuzzChoose: what one or several servers make of a path never leads to a route that asks more of who comes in than the
// one that took it, if both have one backend; and an ambiguous path never leads to another route at all.
func FuzzChoose(f *testing.F) {
	for _, s := range spellings {
		f.Add(s)
	}
	strict, lax := guarded(f, false), guarded(f, true)
	f.Fuzz(func(t *testing.T, text string) {
		text = "/" + strings.TrimPrefix(text, "/")
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '?' || r == '#' }) {
			return // no parser of ours lets it come so far
		}
		ambiguous := routing.Ambiguous([]byte(text))
		for _, table := range []*routing.Table{strict, lax} {
			i, out := table.Choose(subject("a"+text, nil))
			if ambiguous && table == strict && out == routing.Taken {
				t.Fatalf("%q is ambiguous, and taken by %d", text, i)
			}
			if out != routing.Taken || i == away {
				continue
			}
			for _, p := range compositions(text, 3) {
				if to := owner(p); to != i && (to == admin || to == secret || to == rooms || ambiguous) {
					t.Fatalf("%q is taken by %d; a server may read %q, of %d", text, i, p, to)
				}
			}
		}
	})
}

// compositions are what up to n models, one after another, make of a path.
func compositions(p string, n int) []string {
	all, from := []string{p}, 0
	seen := map[string]bool{p: true}
	for range n {
		end := len(all)
		for _, q := range all[from:end] {
			for _, model := range models {
				if r := model(q); strings.HasPrefix(r, "/") && !seen[r] {
					seen[r] = true
					all = append(all, r)
				}
			}
		}
		from = end
	}
	return all
}
