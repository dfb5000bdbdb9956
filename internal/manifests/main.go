package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	judges := map[string]func([]byte) error{"kubernetes": kubernetes, "compose": compose}
	if len(os.Args) != 2 || judges[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: manifests kubernetes|compose <FILE")
		os.Exit(2)
	}
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = judges[os.Args[1]](text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
