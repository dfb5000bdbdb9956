package config

import (
	"fmt"
	"strings"
)

const (
	usageWidth  = 100
	usageColumn = 36 // where the descriptions begin
)

const usageHeader = `Weir puts WebSocket clients through to WebSocket backends.

  weir [flags]             run the gateway
  weir check [flags] [URL] check the configuration, say what would run and which route takes the URL
                           (-H 'NAME: VALUE' for a header field of the request); with --files
                           open all files, with --resolve look all names up
  weir try URL [flags]     send a message through a gateway and show the way it took
  weir healthcheck         ask the running weir whether it takes new sessions (exit 0 or 1)
  weir upgrade             have the running weir replaced by the program on disk, without a gap
  weir version             print the version

Examples
  weir --demo              try it: an echo server inside is the backend
  weir --listen :8080 --upstream ws://10.0.0.1:9000,ws://10.0.0.2:9000#weight=3
  weir --config weir.yaml --log-level debug
  WEIR_IDLE_TIMEOUT=10m weir --config weir.yaml
  weir --tls-listen :443 --tls-cert a.pem --tls-key a.key --upstream ws://10.0.0.1:9000

Every flag is also a variable (--idle-timeout is WEIR_IDLE_TIMEOUT) and a key of the YAML file
(idle-timeout: 10m); a flag goes before a variable, a variable before the file. Lists: give the flag
several times, or put commas between the elements; header rules hold commas, so they go one a line.
Durations are such as 500ms, 30s or 1h, sizes bytes or such as 64KiB or 1MiB. A switch is put out
with =false, as in --forwarded=false. Routes and sites stand in the file alone; a route may have its
own values for knobs marked "per route", which for it go before all others.

SIGHUP, POST /reload and --config-watch read the file again while weir runs. All takes effect but
knobs marked "restart"; flags and environment are those of the start.
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
