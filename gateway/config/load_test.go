package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"weir/gateway/config"
)

// load runs config.Load with file's text as its YAML file, in whose place errors say weir.yaml.
func load(t *testing.T, file string, args, environ []string) (*config.Config, error) {
	t.Helper()
	if file != "" {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("weir.yaml", []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--config=weir.yaml"}, args...)
	}
	return config.Load(args, environ)
}

func TestPrecedence(t *testing.T) {
	file := "upstream: ws://10.0.0.1\nidle-timeout: 1m\nhigh-water: 1MiB\n"
	tests := []struct {
		name          string
		args, environ []string
		want          time.Duration
	}{
		{"file over default", nil, nil, time.Minute},
		{"variable over file", nil, []string{"WEIR_IDLE_TIMEOUT=2m"}, 2 * time.Minute},
		{"flag over variable", []string{"--idle-timeout=3m"}, []string{"WEIR_IDLE_TIMEOUT=2m"}, 3 * time.Minute},
		{"flag over file", []string{"--idle-timeout", "3m"}, nil, 3 * time.Minute},
		{"flag set to off", []string{"--idle-timeout=0"}, nil, 0},
		{"last flag", []string{"--idle-timeout=3m", "--idle-timeout=4m"}, nil, 4 * time.Minute},
		{"empty variable is none", nil, []string{"WEIR_IDLE_TIMEOUT="}, time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(t, file, test.args, test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if c.IdleTimeout != test.want || c.HighWater != 1<<20 {
				t.Errorf("idle-timeout %v, high-water %v", c.IdleTimeout, c.HighWater)
			}
		})
	}
}

func TestLists(t *testing.T) {
	two := []string{"ws://a:1", "ws://b:2#weight=3"}
	tests := []struct {
		name, file    string
		args, environ []string
	}{
		{"flag twice", "", []string{"--upstream=ws://a:1", "--upstream", "ws://b:2#weight=3"}, nil},
		{"flag with a comma", "", []string{"--upstream= ws://a:1, ws://b:2#weight=3,"}, nil},
		{"variable", "", nil, []string{"WEIR_UPSTREAM=ws://a:1,ws://b:2#weight=3"}},
		{"file's list", "upstream:\n  - ws://a:1\n  - ws://b:2#weight=3\n", nil, nil},
		{"file's text", "upstream: ws://a:1, ws://b:2#weight=3\n", nil, nil},
		{"file's alias", "listen: &l [':1']\nadmin: off\nupstream: &u [ws://a:1, 'ws://b:2#weight=3']\n", nil, nil},
		{"flag replaces the file's", "upstream: ws://c\n", []string{"--upstream=ws://a:1,ws://b:2#weight=3"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(t, test.file, test.args, test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(c.Upstream, two) {
				t.Errorf("got %q", c.Upstream)
			}
			specs, err := c.Backends()
			if err != nil || len(specs) != 2 || specs[1].Weight != 3 {
				t.Errorf("backends %v, %v", specs, err)
			}
		})
	}
}

func TestHeaderRulesAreOneALine(t *testing.T) {
	want := []string{"set X-A: b, c", "remove X-D"}
	for name, args := range map[string][]string{
		"flags": {"--request-header=set X-A: b, c", "--request-header=remove X-D"},
		"lines": {"--request-header=set X-A: b, c\nremove X-D\n"},
	} {
		c, err := config.Load(append(args, "--upstream=ws://a"), nil)
		if err != nil {
			t.Fatal(err)
		}
		rules, err := c.HeaderRules()
		if !reflect.DeepEqual(c.RequestHeader, want) || err != nil || len(rules.Request) != 2 || !rules.Forwarded {
			t.Errorf("%s: %q, %+v, %v", name, c.RequestHeader, rules, err)
		}
	}
}

func TestConfigFileIsNamedByFlagOrVariable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "100%s.yaml")
	if err := os.WriteFile(path, []byte("demo: true\nloops: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := path + `:2: loops: "x" is not a whole number`
	for name, given := range map[string][2][]string{
		"flag":     {{"--config", path}, nil},
		"variable": {nil, {"WEIR_CONFIG=" + path}},
		"both":     {{"--config=" + path}, {"WEIR_CONFIG=/nowhere"}},
	} {
		if _, err := config.Load(given[0], given[1]); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func TestForeignVariablesAreLeftAlone(t *testing.T) {
	_, err := config.Load([]string{"--demo"}, []string{
		"PATH=/bin", "NOT_AN_ASSIGNMENT", "WEIRD=1", "WEIR_NOT_AN_ASSIGNMENT",
		// What Kubernetes sets for services called weir and weir-admin.
		"WEIR_SERVICE_HOST=10.0.0.1", "WEIR_SERVICE_PORT=80", "WEIR_SERVICE_PORT_HTTP=80", "WEIR_PORT=tcp://10.0.0.1:80",
		"WEIR_PORT_80_TCP=tcp://10.0.0.1:80", "WEIR_PORT_80_TCP_ADDR=10.0.0.1", "WEIR_ADMIN_PORT_9090_TCP_PROTO=tcp",
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnknownVariables: one that is like a knob's is a mistake, another is only told of.
func TestUnknownVariables(t *testing.T) {
	c, err := config.Load([]string{"--demo"}, []string{"WEIR_IMAGE_REGISTRY=x", "WEIR_=", "PATH=x", "WEIR_PORT_80_TCP=tcp://10.0.0.1:80"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"WEIR_IMAGE_REGISTRY: no such variable, it is left alone", "WEIR_: no such variable, it is left alone"}
	if got := c.Warnings(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	if _, err := config.Load([]string{"--demo"}, []string{"WEIR_IDLE_TIMOUT=1s"}); err == nil || err.Error() != "WEIR_IDLE_TIMOUT: no such variable; did you mean WEIR_IDLE_TIMEOUT?" {
		t.Errorf("misspelt: %v", err)
	}
}

// TestByteOrderMark: an editor's mark before UTF-8 is no part of the file.
func TestByteOrderMark(t *testing.T) {
	if c, err := load(t, "\ufefflisten: ':1'\ndemo: true\n", nil, nil); err != nil || c.Listen[0] != ":1" {
		t.Errorf("%v", err)
	}
	if _, err := load(t, "\xff\xfed\x00", nil, nil); err == nil || err.Error() != "--config: weir.yaml is text in UTF-16: save it as UTF-8" {
		t.Errorf("UTF-16: %v", err)
	}
}

func TestMistakesInTheCommandLine(t *testing.T) {
	tests := map[string]struct{ arg, want string }{
		"unknown flag":    {"--idle-timout=1s", "unknown flag --idle-timout; did you mean --idle-timeout?"},
		"nothing like it": {"--frobnicate", "unknown flag --frobnicate"},
		"no value":        {"--loops", "--loops lacks its value; write --loops N"},
		"shorthand":       {"-d", "unknown shorthand flag: 'd' in -d"},
		"argument":        {"ws://a", `unexpected argument "ws://a"`},
		"switch":          {"false", `unexpected argument "false"; a switch takes its value after =, as in --panic=false`},
	}
	for name, test := range tests {
		_, err := config.Load([]string{test.arg}, nil)
		var usage *config.UsageError
		if !errors.As(err, &usage) || err.Error() != test.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, arg := range []string{"--help", "-h"} {
		if _, err := config.Load([]string{arg}, nil); !errors.Is(err, pflag.ErrHelp) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestMistakesNameTheirPlace(t *testing.T) {
	const quoted = "the quotes around the value count as a part of it (a file of variables, as of docker --env-file, keeps them); take them away"
	tests := []struct {
		name, file, flag, variable string
		want                       []string // all lines
	}{
		{"flag", "", "--idle-timeout=30", "", []string{`--idle-timeout: "30" is not a duration; write a number and its unit, such as 500ms, 30s or 1h`}},
		{"variable", "", "", "WEIR_HIGH_WATER=1 elephant", []string{`WEIR_HIGH_WATER: "1 elephant" is not a size; write bytes or a multiple such as 64KiB or 1MiB`}},
		{"unknown variable", "", "", "WEIR_LOOP=1", []string{"WEIR_LOOP: no such variable; did you mean WEIR_LOOPS?"}},
		{"file", "\n\npanic: yes\n", "", "", []string{`weir.yaml:3: panic: "yes" is not true or false`}},
		{"unknown key", "idle-timout: 3s\nzzzzzz: 1\n", "", "", []string{
			"weir.yaml:1: idle-timout: no such knob; did you mean idle-timeout?", "weir.yaml:2: zzzzzz: no such knob"}},
		{"key twice", "loops: 1\nloops: 2\n", "", "", []string{"weir.yaml:2: loops: given twice, first on line 1"}},
		{"no value", "loops:\n", "", "", []string{"weir.yaml:1: loops: no value; give one or take the line away"}},
		{"list for one", "loops: [1]\n", "", "", []string{"weir.yaml:1: loops: takes one value, not a list"}},
		{"keys for one", "idle:\n  timeout: 1\nloops: {a: 1}\n", "", "", []string{
			"weir.yaml:1: idle: no such knob",
			"weir.yaml:3: loops: takes a value, not keys below it; YAML takes ': ' for the end of a key, so put quotes around a value that holds it"}},
		{"rule without quotes", "request-header:\n  - set X-A: b\n", "", "", []string{
			"weir.yaml:1: request-header: line 2 is not one text; YAML takes ': ' for the end of a key, so put quotes around a value that holds it"}},
		{"file in file", "config: b.yaml\n", "", "", []string{"weir.yaml:1: config: a file cannot name another; use --config or WEIR_CONFIG"}},
		{"not a mapping", "- a\n", "", "", []string{`weir.yaml:1: not a list of "knob: value" lines`}},
		{"not YAML", "loops: [1\n", "", "", []string{"weir.yaml:1: not YAML: did not find expected ',' or ']'"}},
		{"tab", "loops: 1\n\tlisten: [\n", "", "", []string{"weir.yaml:2: is indented with a tab, which YAML does not allow; write spaces"}},
		{"tab first", "\tloops: 1\n", "", "", []string{"weir.yaml:1: is indented with a tab, which YAML does not allow; write spaces"}},
		{"tab in a list", "upstream:\n-\tws://a\n", "", "", []string{"weir.yaml:2: is indented with a tab, which YAML does not allow; write spaces"}},
		{"tab behind spaces", "routes:\n  - match:\n  \t\thost: a\n", "", "", []string{"weir.yaml:3: is indented with a tab, which YAML does not allow; write spaces"}},
		{"quotes of a variable", "", "", `WEIR_UPSTREAM="ws://a"`, []string{"WEIR_UPSTREAM: " + quoted}},
		{"quotes of a secret", "", "", "WEIR_ADMIN_TOKEN='canary'", []string{"WEIR_ADMIN_TOKEN: " + quoted}},
		{"quotes in a list", "", "", `WEIR_UPSTREAM=ws://a, "ws://b"`, []string{"WEIR_UPSTREAM: " + quoted}},
		{"quotes of a flag", "", `--idle-timeout="30s"`, "", []string{"--idle-timeout: " + quoted}},
		{"quotes twice", "upstream: ['\"ws://a\"']\n", "", "", []string{"weir.yaml:1: upstream: " + quoted}},
		{"two documents", "loops: 1\n---\nloops: 2\n", "", "", []string{"weir.yaml: holds a second document; put all knobs into one"}},
		{"no file", "", "--config=nowhere.yaml", "", []string{"--config: there is no file nowhere.yaml: check the path"}},
		{"all at once", "loops: x\n", "--panic=2", "WEIR_DEMO=3", []string{
			`weir.yaml:1: loops: "x" is not a whole number`, `WEIR_DEMO: "3" is not true or false`, `--panic: "2" is not true or false`}},
		{"overridden and still told of", "loops: x\n", "--loops=2", "", []string{`weir.yaml:1: loops: "x" is not a whole number`}},
		{"range, by file", "upstream: ws://a\nloops: -1\n", "", "", []string{"weir.yaml:2: loops: -1 is out of range; write 0 to 1024"}},
		{"range, flag over file", "upstream: ws://a\nloops: 1\n", "--loops=5000", "", []string{"--loops: 5000 is out of range; write 0 to 1024"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args := strings.Fields(test.flag)
			_, err := load(t, test.file, args, []string{test.variable})
			if err == nil {
				t.Fatal("accepted")
			}
			if got := strings.Split(err.Error(), "\n"); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", err, strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestGivenHidesSecrets(t *testing.T) {
	c, err := load(t, "demo: true\n", []string{"--admin-token=canary", "--auth-url=http://a/canary", "--sticky-key="}, []string{"WEIR_LISTEN=:1,:2"})
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Setting{
		{Place: "--config", Value: "weir.yaml"}, {Place: "WEIR_LISTEN", Value: ":1,:2"},
		{Place: "weir.yaml:1: demo", Value: "true"}, {Place: "--auth-url", Value: "(hidden)"}, {Place: "--sticky-key", Value: ""},
		{Place: "--admin-token", Value: "(hidden)"},
	}
	if got := c.Given(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestGivenTellsWhatIsOverridden: a line of the file that does not count is shown, with what counts instead.
func TestGivenTellsWhatIsOverridden(t *testing.T) {
	c, err := load(t, "listen: off\ntls-listen: :1\ntls-cert: a\ntls-key: b\nupstream: ws://a:1\nadmin-token: canary\n",
		[]string{"--admin-token=canary2", "--loops=3"}, []string{"WEIR_LISTEN=:2", "WEIR_LOOPS=2"})
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Setting{
		{Place: "weir.yaml:1: listen", Value: "off", By: "WEIR_LISTEN"}, {Place: "WEIR_LOOPS", Value: "2", By: "--loops"},
		{Place: "weir.yaml:6: admin-token", Value: "(hidden)", By: "--admin-token"},
	}
	var got []config.Setting
	for _, s := range c.Given() {
		if s.By != "" {
			got = append(got, s)
		}
	}
	slices.SortFunc(got, func(a, b config.Setting) int { return strings.Compare(a.By, b.By) })
	slices.SortFunc(want, func(a, b config.Setting) int { return strings.Compare(a.By, b.By) })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}
