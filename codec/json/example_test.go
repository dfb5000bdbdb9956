package json_test

import (
	"fmt"

	"weir/codec/json"
)

func ExampleChecker() {
	var c json.Checker
	fmt.Println(c.Write([]byte(`{"id":1,"ta`)), c.Write([]byte(`gs":["a"]}`)), c.Close())
	c.Reset()
	fmt.Println(c.Write([]byte(`{"id":1,}`)))
	// Output:
	// <nil> <nil> <nil>
	// byte 8 of the message is '}' where JSON needs a name in quotes
}
