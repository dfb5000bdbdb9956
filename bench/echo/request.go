//go:build linux

package echo

import (
	"fmt"
	"strings"
)

// RequestPath is where a plain GET is answered with RequestSize bytes, on a connection that is kept.
const (
	RequestPath = "/request"
	RequestSize = 125
)

var requestAnswer = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
	RequestSize, strings.Repeat("x", RequestSize))
