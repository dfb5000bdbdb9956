package config

import (
	"fmt"
	"strings"
)

const (
	usageWidth  = 100
	usageColumn = 36 // where the descriptions begin
)

const usageHeader = `Weir is a WebSocket gateway: it forwards WebSockets and plain HTTP to backends.

  weir [flags]             run the gateway
  weir check [flags] [URL] check the configuration, show what would run and which route the URL
                           takes; -H 'NAME: VALUE' adds a header field to that request, -X METHOD
                           sets its method, --files opens all files, --resolve looks all names up,
                           --diff FILE shows what a reload with FILE would change
  weir try URL [flags]     send a message through a gateway and show the way it took
  weir healthcheck         ask the running weir whether it accepts new sessions (exit 0 or 1)
  weir endpoints           list the backends of the running weir; drain or enable one, or weigh it
  weir upgrade             replace the running weir by the program on disk, without a gap
  weir version             print the version

Examples
  weir --demo              try it: an echo server inside is the backend
  weir --listen :8080 --upstream ws://10.0.0.1:9000,ws://10.0.0.2:9000#weight=3
  weir --config weir.yaml --log-level debug
  WEIR_IDLE_TIMEOUT=10m weir --config weir.yaml
  weir --tls-listen :443 --tls-cert a.pem --tls-key a.key --upstream ws://10.0.0.1:9000

Every flag is also an environment variable (--idle-timeout is WEIR_IDLE_TIMEOUT) and a key of the
YAML file (idle-timeout: 10m). A flag overrides a variable; a variable overrides the file.
For a list, repeat the flag or put commas between the values. Header rules contain commas: give
them one per flag. Durations are 500ms, 30s or 1h; sizes are bytes, 64KiB or 1MiB.
A switch is turned off with =false, as in --forwarded=false.
Routes and sites can only be given in the file. A route may set the knobs marked "per route";
a route's value overrides even a flag.

SIGHUP, POST /reload and --config-watch read the file again while weir runs. Knobs marked "restart"
keep their value until a restart; flags and environment stay those of the start.
`

// Usage is the text of --help: no line longer than 100 columns.
func Usage() string {
	var b strings.Builder
	b.WriteString(usageHeader)
	group := ""
	for i := range knobs {
		k := &knobs[i]
		if k.group != group {
			group = k.group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		left := "  " + k.flag()
		if !k.isSwitch() {
			left += " " + k.arg
		}
		for j, line := range wrap(k.help+k.endWords(), usageWidth-usageColumn) {
			if j > 0 {
				left = ""
			}
			fmt.Fprintf(&b, "%-*s%s\n", usageColumn, left, line)
		}
	}
	return b.String()
}

// endWords tell the default, unless it is nothing, off or none, and of routes.
func (k *knob) endWords() string {
	var words []string
	switch preset := k.text(k.of(Default())); preset {
	case "", "0", "false":
	default:
		words = append(words, "default "+preset)
	}
	if k.route {
		words = append(words, "per route")
	}
	if k.restart {
		words = append(words, "restart")
	}
	if words == nil {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

// wrap breaks text into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
