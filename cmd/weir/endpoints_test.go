package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/gateway/admin"
)

// TestEndpoints lists the backends of a running weir and changes one, by its name or its id.
func TestEndpoints(t *testing.T) {
	var asked []string
	list := []admin.Endpoint{{Route: "chat", ID: "00aa", Endpoint: "ws://10.0.0.1:9000", State: "healthy", Sessions: 7, Weight: 2, Reason: "check passed"},
		{Route: "chat", Endpoint: "ws://gone:9000", State: "unresolved"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.RequestURI)
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("token %q", r.Header.Get("Authorization"))
		}
		_ = json.NewEncoder(w).Encode(list)
	}))
	defer srv.Close()
	run := func(args ...string) (exit int, stdout, stderr string) {
		asked = nil
		return weir([]string{"WEIR_ADMIN_TOKEN=secret"}, append([]string{"endpoints", "--admin", strings.TrimPrefix(srv.URL, "http://")}, args...)...)
	}
	exit, stdout, stderr := run()
	if want := "ENDPOINT            ID    ROUTE  STATE       SESSIONS  WEIGHT  REASON\nws://10.0.0.1:9000  00aa  chat   healthy     7         2       check passed\nws://gone:9000            chat   unresolved  0         0       \n"; exit != exitOK || stdout != want || stderr != "" {
		t.Errorf("exit %d, %q, %s", exit, stderr, stdout)
	}
	for args, want := range map[string]string{
		"drain ws://10.0.0.1:9000": "GET /endpoints, POST /endpoints/00aa/drain",
		"enable 00aa":              "GET /endpoints, POST /endpoints/00aa/enable",
		"weight 00aa 5":            "GET /endpoints, POST /endpoints/00aa/weight?n=5",
	} {
		if exit, _, stderr := run(strings.Fields(args)...); exit != exitOK || strings.Join(asked, ", ") != want {
			t.Errorf("%s: exit %d, %s, asked %q", args, exit, stderr, asked)
		}
	}
	for args, want := range map[string]string{
		"drain ws://gone:9000": "is not the name or id of an endpoint",
		"drain":                "makes no sense",
		"close 00aa":           "makes no sense",
		"weight 00aa 5 6":      "unexpected argument",
	} {
		if exit, _, stderr := run(strings.Fields(args)...); exit == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %s", args, exit, stderr)
		}
	}
}
