package auth_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"weir/gateway/auth"
)

// A policy goes on with the passwords that the one before has verified, as long as they are of the same file.
func TestPasswordsAreInherited(t *testing.T) {
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("ada:"+string(hash)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := file("one"), file("two")
	before := policy(t, auth.Options{Basic: &auth.Basic{File: one}})
	r := ask(t, "", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("ada:secret")))
	if out := decide(t, before, r); out.Refusal != nil {
		t.Fatalf("%+v", out)
	}
	for name, want := range map[string]bool{one: true, two: false} {
		after := policy(t, auth.Options{Basic: &auth.Basic{File: name}, Optional: true, Past: before.Files})
		if out, done := after.Now(r); done != want || done && out.Refusal != nil {
			t.Errorf("%s: decided at once: %t, %+v", name, done, out)
		}
	}
}
