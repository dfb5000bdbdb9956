//go:build linux

package echo_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/bench/echo"
)

// Plain requests on one connection are answered one by one, also when several come at once.
func TestPlainRequests(t *testing.T) {
	addr := serve(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 3 {
		answer, err := client.Get("http://" + addr.String() + echo.RequestPath)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || len(body) != echo.RequestSize {
			t.Errorf("%s, %d bytes, %v", answer.Status, len(body), err)
		}
	}
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	get := "GET " + echo.RequestPath + " HTTP/1.1\r\nHost: h\r\n\r\n"
	io.WriteString(conn, get+get+"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil || strings.Count(string(all), "200 OK") != 2 || strings.Count(string(all), "400 Bad Request") != 1 {
		t.Errorf("%v: %q", err, all)
	}
}
