package observe

import "testing"

// TestLabelsAreEscaped holds for what others choose, such as the first name of a certificate.
func TestLabelsAreEscaped(t *testing.T) {
	out := exposition{row: &metric{name: "m", labels: []string{"name"}}}
	out.sample(1, "a\"b\\c\nü\x01")
	if got, want := out.text.String(), "m{name=\"a\\\"b\\\\c\\nü\x01\"} 1\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
