package deploytest

import (
	"regexp"
	"strings"
	"testing"
)

var (
	shownFile    = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	shownCommand = regexp.MustCompile(`(?m)^ *(?:bin/)?weir (--(?:.*\\\n)*.*)$`)
)

// TestShownConfigurations loads what the pages show: files, and command lines of the gateway.
func TestShownConfigurations(t *testing.T) {
	files, commands := 0, 0
	for _, page := range []string{"README.md", "deploy/README.md", "deploy/pooling.md", "deploy/proxies.md"} {
		text := read(t, page)
		for _, m := range shownFile.FindAllStringSubmatch(text, -1) {
			files++
			load(t, page+": "+m[1], "--config", written(t, m[1]))
		}
		for _, m := range shownCommand.FindAllStringSubmatch(text, -1) {
			commands++
			load(t, page+": "+m[1], strings.Fields(strings.ReplaceAll(m[1], "\\\n", " "))...)
		}
	}
	if files < 5 || commands < 7 {
		t.Errorf("only %d files and %d commands were found", files, commands)
	}
}
