package config

import (
	"reflect"
	"testing"

	"github.com/knadh/koanf/v2"
)

// FuzzFile: whatever the file holds, it is read without a panic, and each value
// taken has the type of its field.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"", "---\n...\n", "loops: 1\n", "listen: [':1', :2]\nupstream: ws://a\n", "a: &a [*a]\n", "? [x]\n: y\n", "<<: {loops: 1}\n",
		"listen: &l\n  - ':1'\nupstream: *l\n", "loops: !!null x\n", "loops: |\n  3\n", "'%s': '%d'\n", "\xff\xfe", "loops: 1\n---\nloops: 2\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := loader{merged: koanf.New("."), places: map[string]string{}}
		values, err := document{&l, "weir.yaml"}.Unmarshal(b)
		if err != nil {
			t.Fatal(err)
		}
		c := Default()
		for name, value := range values {
			k := find(name)
			if l.places[name] == "" {
				t.Errorf("%s has no place", name)
			}
			k.of(c).Set(reflect.ValueOf(value)) // panics on a wrong type
		}
		for _, p := range l.problems {
			_ = p.Error()
		}
		_ = c.Validate()
	})
}
