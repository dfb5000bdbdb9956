package deploytest

import (
	"errors"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	assignment = regexp.MustCompile(`^[A-Z_]+=`)
	adminCall  = regexp.MustCompile(`(?:127\.0\.0\.1|localhost|10\.0\.0\.\d+):9090(/[a-z/]*)`)
)

// shell tests the lines of a block that call Weir or its admin listener.
func (r *rig) shell(t *testing.T, b block) {
	t.Helper()
	text := strings.ReplaceAll(b.text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "curl") {
			for _, m := range adminCall.FindAllStringSubmatch(line, -1) {
				if !r.adminHas(t, m[1]) {
					t.Errorf("%s: admin has no %s", b.place(), m[1])
				}
			}
		}
		words := words(line)
		var environ []string
		for len(words) > 0 && (words[0] == "sudo" || assignment.MatchString(words[0])) {
			if words[0] != "sudo" {
				environ = append(environ, words[0])
			}
			words = words[1:]
		}
		if len(words) > 0 && (words[0] == "weir" || words[0] == "bin/weir") {
			r.weir(t, b, environ, words[1:])
		}
	}
}

// weir has the program judge a command line: one that would serve is checked, others may fail for any reason but their words.
func (r *rig) weir(t *testing.T, b block, environ, args []string) {
	t.Helper()
	args = r.found(t, args)
	usageOnly := true
	switch {
	case len(args) == 0 || strings.HasPrefix(args[0], "-") && args[0] != "--help":
		args, usageOnly = append([]string{"check"}, args...), false
	case args[0] == "check":
		usageOnly = false
	case args[0] == "try" && len(args) > 1:
		args[1] = "ws://127.0.0.1:1/" // where nobody is
	case args[0] == "upgrade":
		args[0] = "healthcheck" // has the same words and changes nothing
	}
	cmd := r.command("weir", args...)
	cmd.Env = append(cmd.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!usageOnly || !errors.As(err, &exit) || exit.ExitCode() == 2) {
		t.Errorf("%s: weir %s: %v\n%s", b.place(), strings.Join(args, " "), err, out)
	}
}

// words splits a line as a shell does, up to a comment, a pipe or another command.
func words(line string) (all []string) {
	word, begun, quote := "", false, rune(0)
	end := func() {
		if begun {
			all = append(all, word)
		}
		word, begun = "", false
	}
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word += string(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == ' ' || c == '\t':
			end()
		case c == '#' && !begun, strings.ContainsRune("|;&<>", c):
			end()
			return all
		default:
			word, begun = word+string(c), true
		}
	}
	end()
	return all
}

func TestWords(t *testing.T) {
	got := strings.Join(words(`WEIR_X='a b' weir --request-header "set X: y" --upstream ws://a#id=b | grep x # c`), ",")
	if want := "WEIR_X=a b,weir,--request-header,set X: y,--upstream,ws://a#id=b"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// adminHas asks a gateway of the test whether its admin listener knows a path.
func (r *rig) adminHas(t *testing.T, path string) bool {
	t.Helper()
	r.once.Do(func() {
		r.admin = startGateway(t).AdminAddr().String()
	})
	if strings.HasPrefix(path, "/debug/pprof/") {
		return true // profiles take their time
	}
	res, err := http.Get("http://" + r.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode != http.StatusNotFound
}
