package config

import (
	"encoding/json"
	"strings"
	"testing"
)

// All that counts is told, where it was given too, and no secret.
func TestEffective(t *testing.T) {
	path := writeFile(t, "idle-timeout: 7s\nroutes: [{name: chat, match: {path: /chat}, upstream: 'ws://10.0.0.1:1', ping-interval: 9s}]\n")
	c, err := Load([]string{"--config", path, "--admin-token", "canary", "--upstream", "ws://10.0.0.2:1"}, []string{"WEIR_LOOPS=3"})
	if err != nil {
		t.Fatal(err)
	}
	e := c.Effective()
	if len(e.Values) != len(knobs) {
		t.Errorf("%d values of %d knobs", len(e.Values), len(knobs))
	}
	has := func(all []Value, knob, value, from string) {
		t.Helper()
		for _, v := range all {
			if v.Knob == knob && v.Value == value && strings.Contains(v.From, from) {
				return
			}
		}
		t.Errorf("no %s: %s from %s in %v", knob, value, from, all)
	}
	has(e.Values, "idle-timeout", "7s", ":1: idle-timeout")
	has(e.Values, "loops", "3", "WEIR_LOOPS")
	has(e.Values, "admin-token", "(hidden)", "--admin-token")
	has(e.Values, "close-timeout", Default().CloseTimeout.String(), "default")
	if len(e.Routes) != 2 || e.Routes[0].Name != "chat" || e.Routes[1].Name != catchAll {
		t.Fatalf("%+v", e.Routes)
	}
	has(e.Routes[0].Values, "match: path", "/chat", ":2: routes[0]: match: path")
	has(e.Routes[0].Values, "ping-interval", "9s", ":2: routes[0]: ping-interval")
	if text, err := json.Marshal(e); err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("%s, %v", text, err)
	}
}
