//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "weirbench needs Linux: it reads /proc and drives sockets with epoll")
	os.Exit(1)
}
