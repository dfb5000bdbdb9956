package auth_test

import (
	"context"
	"fmt"
	"os"

	"weir/codec/http1"
	"weir/gateway/auth"
)

// An event loop asks Now and, where that has to wait, has another goroutine ask Wait with a copy.
func Example() {
	keys, err := os.CreateTemp("", "keys")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(keys.Name())
	fmt.Fprintln(keys, "ci:2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683") // printf %s key | sha256sum
	keys.Close()

	policy, err := auth.New(auth.Options{Keys: &auth.Keys{File: keys.Name()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	policy.Start()
	defer policy.Close()

	r := &auth.Request{Fields: []http1.Field{{Name: []byte("X-API-Key"), Value: []byte("key")}}}
	out, done := policy.Now(r)
	if !done {
		out = policy.Wait(context.Background(), r.Clone())
	}
	fmt.Println(out.Identity.Subject)
	// Output: ci
}
