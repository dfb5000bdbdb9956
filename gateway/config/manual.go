package config

import (
	"fmt"
	"strings"
)

const knobsIntro = `# Knobs

For people who look up a setting. Each knob is a flag (` + "`--idle-timeout 10m`" + `), an environment variable (` + "`WEIR_IDLE_TIMEOUT=10m`" + `) and a key of the YAML file
(` + "`idle-timeout: 10m`" + `). A flag overrides a variable; a variable overrides the file.

In the column "Scope", **route** means that a route in the file may have its own value, which overrides even a flag. **restart** means that a reload does not
apply a new value. An empty "Default" means none. Lists are repeated flags, YAML lists, or values separated by commas (header rules: by line breaks).
Durations are written as ` + "`500ms`, `30s` or `1h`" + `, sizes as bytes or ` + "`64KiB`, `1MiB`" + `. An unknown flag, key or value is an error that names its place; an
unknown ` + "`WEIR_` variable is an error if it resembles a knob, and a warning otherwise" + `.

`

// KnobsPage is docs/reference/knobs.md: a table for each group of knobs.
func KnobsPage() string {
	var b strings.Builder
	b.WriteString(knobsIntro)
	group := ""
	for i := range knobs {
		k := &knobs[i]
		if k.group != group {
			if group != "" {
				b.WriteByte('\n')
			}
			group = k.group
			fmt.Fprintf(&b, "## %s\n\n| Flag and key | Variable | Default | Scope | What it does |\n| --- | --- | --- | --- | --- |\n", group)
		}
		preset, scope := k.text(k.of(Default())), ""
		if preset != "" {
			preset = "`" + preset + "`"
		}
		if k.route {
			scope = "route"
		}
		if k.restart {
			scope = "restart"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", k.name, k.env(), preset, scope, strings.ReplaceAll(k.help, "|", `\|`))
	}
	return b.String()
}
