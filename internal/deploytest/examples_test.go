package deploytest

import (
	"encoding/json"
	"errors"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestExamples holds every fenced block of the manual to the rule for its language; doc.go has the rules.
func TestExamples(t *testing.T) {
	bin := build(t)
	for _, page := range pages(t) {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bin)
			r.standIns(t, page)
			blocks, prose := split(page, read(t, page))
			for i, line := range prose {
				if m := indentedCommand.FindStringSubmatch(line); m != nil {
					r.shell(t, block{page: page, line: i + 1, language: "sh", text: m[1] + "\n"})
				}
			}
			for _, b := range blocks {
				r.example(t, b)
			}
		})
	}
}

// indentedCommand is a command in a page whose blocks are not fenced.
var indentedCommand = regexp.MustCompile(`^ {4,}(?:bin/)?(weir .*)$`)

// example tests a block, and leaves it as a file for those that come later where it has a file's name.
func (r *rig) example(t *testing.T, b block) {
	t.Helper()
	if name := b.first(); fileName.MatchString(name) {
		r.write(t, name, b.text)
	}
	switch b.language {
	case "":
		t.Errorf("%s: the block has no language; output is text or console", b.place())
	case "yaml":
		r.yaml(t, b)
	case "sh":
		if b.first() == "run" {
			r.run(t, b, "sh", "-eu")
			return
		}
		r.shell(t, b)
	case "js":
		r.script(t, b, "mjs", "node", "--check")
	case "python":
		r.script(t, b, "py", python, "-m", "py_compile")
	case "html":
		for i, m := range inHTML.FindAllStringSubmatch(b.text, -1) {
			b.text, b.line = m[1], b.line+i
			r.script(t, b, "mjs", "node", "--check")
		}
	case "go":
		if _, err := format.Source([]byte(b.text)); err != nil {
			t.Errorf("%s: %v", b.place(), err)
		}
	case "json":
		if !json.Valid([]byte(b.text)) {
			t.Errorf("%s: not JSON", b.place())
		}
	case "nginx":
		r.nginx(t, b)
	case "haproxy":
		r.haproxy(t, b)
	case "systemd":
		r.systemd(t, b)
	case "text", "console", "dockerfile", "ini", "promql", "mermaid", "diff", "csharp", "toml":
	default:
		t.Errorf("%s: nothing says how a block of %q is tested; see examples_test.go", b.place(), b.language)
	}
}

const python = "/usr/bin/python3" // Debian's, which has the packages of .ci/deps

var (
	fileName = regexp.MustCompile(`^[a-z0-9-]+\.[a-z]+$`)
	inHTML   = regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`)
)

// script checks the syntax of a block, and runs it where its first line says so.
func (r *rig) script(t *testing.T, b block, ending string, checker ...string) {
	t.Helper()
	if _, err := exec.LookPath(checker[0]); err != nil {
		t.Fatalf("%s is not installed: run .ci/deps", checker[0])
	}
	if b.first() == "run" {
		r.run(t, b, checker[0])
		return
	}
	path := r.write(t, "example."+ending, b.text)
	if out, err := exec.Command(checker[0], append(checker[1:], path)...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", b.place(), err, out)
	}
}

// yaml tests a whole configuration, or what is for Kubernetes or Compose, and the configurations of Weir that are in it.
func (r *rig) yaml(t *testing.T, b block) {
	t.Helper()
	if b.first() == "weir.yaml" {
		r.check(t, b.place(), "--config", r.write(t, "checked.yaml", b.text))
		return
	}
	if m := manifest.FindString(b.text); m != "" {
		judge(t, b.place(), m, b.text)
	}
	for d := yaml.NewDecoder(strings.NewReader(b.text)); ; {
		var doc struct {
			Kind     string
			Data     map[string]string
			Services map[string]struct {
				Image   string
				Command []string
			}
		}
		var node yaml.Node
		err := d.Decode(&node)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", b.place(), err)
			return
		}
		if node.Decode(&doc) != nil {
			continue // a list, or a document of another shape
		}
		for name, text := range doc.Data {
			if doc.Kind == "ConfigMap" && name == "weir.yaml" {
				r.check(t, b.place(), "--config", r.write(t, "checked.yaml", text))
			}
		}
		for _, service := range doc.Services {
			if service.Image == "weir" && len(service.Command) > 0 && strings.HasPrefix(service.Command[0], "-") {
				r.check(t, b.place(), r.found(t, service.Command)...)
			}
		}
	}
}

// check has bin/weir judge a configuration.
func (r *rig) check(t *testing.T, place string, args ...string) {
	t.Helper()
	if out, err := r.command("weir", append([]string{"check"}, args...)...).CombinedOutput(); err != nil {
		t.Errorf("%s: weir check %s: %v\n%s", place, strings.Join(args, " "), err, out)
	}
}

// found has each file that a command line names as a configuration be there.
func (r *rig) found(t *testing.T, args []string) []string {
	t.Helper()
	for i := range args {
		for _, flag := range []string{"--config", "--diff"} {
			name, given := strings.CutPrefix(args[i], flag+"=")
			if !given && i > 0 && args[i-1] == flag {
				name, given = args[i], true
			}
			if !given {
				continue
			}
			base := strings.ToLower(filepath.Base(name))
			if _, err := os.Stat(filepath.Join(r.folder, base)); err != nil {
				r.write(t, base, "upstream: ws://10.0.0.1:9000\n")
			}
			args[i] = strings.Replace(args[i], name, filepath.Join(r.folder, base), 1)
		}
	}
	return args
}
