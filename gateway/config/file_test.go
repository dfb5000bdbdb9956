package config

import (
	"testing"
)

// FuzzFile: whatever the file holds, it is read without a panic.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"", "---\n...\n", "loops: 1\n", "listen: [':1', :2]\nupstream: ws://a\n", "a: &a [*a]\n", "? [x]\n: y\n", "<<: {loops: 1}\n",
		"listen: &l\n  - ':1'\nupstream: *l\n", "loops: !!null x\n", "loops: |\n  3\n", "'%s': '%d'\n", "\xff\xfe", "loops: 1\n---\nloops: 2\n",
		"routes:\n  - name: a\n    match: {host: [b, '*.c'], path-prefix: /d, header: 'X: y', query: [e, f=g]}\n    upstream: ws://h\n    idle-timeout: 5m\n",
		"routes: &r\n  - &a {match: {path: /a, path: /b}}\n  - *a\n  - ~\nsites: *r\n", "routes: [{loops: 1, x: 2, name: }]\n", "routes: {a: b}\nsites: x\n",
		"sites: [{server-name: [a, '*.b'], client-auth: require, client-ca: c}, {server-name: A}]\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLoader()
		document{l, "weir.yaml"}.read(b)
		c := l.config()
		for _, p := range l.problems {
			_ = p.Error()
		}
		_ = c.Given()
		_ = c.Validate()
	})
}
