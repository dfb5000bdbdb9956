package deploytest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/gateway/config"
)

// spare is how much longer than the drain whatever stops the process has to wait at least.
const spare = 5 * time.Second

func load(t *testing.T, what string, args ...string) *config.Config {
	t.Helper()
	cfg, err := config.Load(args, nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return cfg
}

func TestExampleConfiguration(t *testing.T) {
	cfg := load(t, "weir.example.yaml", "--config", top+"deploy/weir.example.yaml")
	_, rest, _ := strings.Cut(read(t, "deploy/weir.service"), "TimeoutStopSec=")
	seconds, _, _ := strings.Cut(rest, "\n")
	if n, err := strconv.Atoi(seconds); err != nil || time.Duration(n)*time.Second < cfg.DrainTimeout+spare {
		t.Errorf("weir.service stops after %q s, the drain takes %v", seconds, cfg.DrainTimeout)
	}
}

// example is a line that is switched on by taking its "#" away; behind that of a comment stands one space.
var example = regexp.MustCompile(`(?m)^#(\S|  )`)

func TestExampleConfigurationSwitchedOn(t *testing.T) {
	text := example.ReplaceAllString(read(t, "deploy/weir.example.yaml"), "$1")
	cfg := load(t, "weir.example.yaml without the comments' signs", "--config", written(t, text))
	if len(cfg.TLSListen) == 0 || len(cfg.Routes) < 2 || len(cfg.Sites) == 0 {
		t.Errorf("%d listeners with TLS, %d routes and %d sites: not all examples were found",
			len(cfg.TLSListen), len(cfg.Routes), len(cfg.Sites))
	}
	if auth, err := cfg.Auth(); err != nil || auth == nil || cfg.Networks() == nil || len(cfg.Origin) == 0 || cfg.MessageRate.Per == 0 {
		t.Errorf("not all examples of who may connect, and of rates, were found; %v", err)
	}
}

// written puts a configuration into a file.
func written(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Image   string
			Command []string
			Grace   string `yaml:"stop_grace_period"`
		}
	}
	judge(t, "compose.yaml", "services:", read(t, "deploy/compose.yaml"))
	if err := yaml.Unmarshal([]byte(read(t, "deploy/compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	gateways := 0
	for name, service := range file.Services {
		if service.Image != "weir" {
			continue
		}
		gateways++
		cfg := load(t, name, service.Command...)
		if grace, err := time.ParseDuration(service.Grace); err != nil || grace < cfg.DrainTimeout+spare {
			t.Errorf("%s is given %q to stop, the drain takes %v", name, service.Grace, cfg.DrainTimeout)
		}
	}
	if gateways != 2 {
		t.Errorf("%d gateways", gateways)
	}
}

// judge has a file judged as strictly as the program judges it that it is for, told by how the file begins.
func judge(t *testing.T, place, begins, text string) {
	t.Helper()
	if err := judged(begins, text); err != nil {
		t.Errorf("%s: %v", place, err)
	}
}

func judged(begins, text string) error {
	kind := map[string]string{"apiVersion:": "kubernetes", "services:": "compose"}[begins]
	cmd := exec.Command("go", "run", "-C", top+"internal/manifests", ".", kind)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("not a file for %s: %w\n%s", kind, err, out)
	}
	return nil
}

// TestManifestsAreReadStrictly: a field by a wrong name is found, at any depth.
func TestManifestsAreReadStrictly(t *testing.T) {
	for _, wrong := range []struct{ begins, file, name string }{
		{"apiVersion:", "deploy/kubernetes.yaml", "periodSeconds"},
		{"services:", "deploy/compose.yaml", "stop_grace_period"},
	} {
		text := read(t, wrong.file)
		if err := judged(wrong.begins, strings.ReplaceAll(text, wrong.name, wrong.name+"s")); err == nil || !strings.Contains(err.Error(), wrong.name+"s") {
			t.Errorf("%s with %ss: %v", wrong.file, wrong.name, err)
		}
	}
}

var manifest = regexp.MustCompile(`(?m)^(apiVersion|services):`)

// object has those fields of all kinds that are looked at.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Template struct {
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Lifecycle struct {
						PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
					}
					Mounts []mount `yaml:"volumeMounts"`
				}
			}
		}
	}
}

type mount struct {
	Path string `yaml:"mountPath"`
}

func TestKubernetes(t *testing.T) {
	judge(t, "kubernetes.yaml", "apiVersion:", read(t, "deploy/kubernetes.yaml"))
	kinds := map[string]object{}
	for d := yaml.NewDecoder(strings.NewReader(read(t, "deploy/kubernetes.yaml"))); ; {
		var m object
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds[m.Kind] = m
	}
	for _, kind := range []string{"ConfigMap", "Deployment", "Service", "PodDisruptionBudget"} {
		if kinds[kind].Metadata.Name != "weir" {
			t.Errorf("no %s called weir", kind)
		}
	}
	cfg := load(t, "ConfigMap", "--config", written(t, kinds["ConfigMap"].Data["weir.yaml"]))
	pod := kinds["Deployment"].Spec.Template.Spec
	for _, file := range slices.Concat(cfg.TLSCert, cfg.TLSKey) {
		if !slices.ContainsFunc(pod.Containers[0].Mounts, func(m mount) bool { return m.Path == filepath.Dir(file) }) {
			t.Errorf("%s is on no volume", file)
		}
	}
	stop := time.Duration(pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
	if grace := time.Duration(pod.Grace) * time.Second; stop == 0 || grace < stop+cfg.DrainTimeout+spare {
		t.Errorf("a pod is given %v to stop; preStop takes %v and the drain %v", grace, stop, cfg.DrainTimeout)
	}
}

// TestRoleForServices: upstream/discovery/kube is refused without these rules, as its make test-kubernetes shows.
func TestRoleForServices(t *testing.T) {
	text := read(t, "deploy/kubernetes-rbac.yaml")
	judge(t, "kubernetes-rbac.yaml", "apiVersion:", text)
	for _, part := range []string{"kind: ServiceAccount", "kind: Role\n", "kind: RoleBinding",
		"resources: [services]\n    verbs: [get, list, watch]", "resources: [endpointslices]\n    verbs: [get, list, watch]"} {
		if !strings.Contains(text, part) {
			t.Errorf("kubernetes-rbac.yaml has no %q", part)
		}
	}
}

var copied = regexp.MustCompile(`(?m)^COPY (\w\S*) (\S+)$`)

// TestImageHasItsSources looks whether the Dockerfile copies every package that the gateway is made of.
func TestImageHasItsSources(t *testing.T) {
	folders := map[string]bool{}
	for _, m := range copied.FindAllStringSubmatch(read(t, "deploy/Dockerfile"), -1) {
		if m[1] != m[2] {
			t.Errorf("%s is copied to %s", m[1], m[2])
		}
		folders[m[1]] = true
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", "weir/cmd/weir").Output()
	if err != nil {
		t.Fatal(err)
	}
	needed := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		folder, ours := strings.CutPrefix(strings.TrimSpace(line), "weir/")
		if !ours {
			continue
		}
		for dir := folder; ; dir = filepath.Dir(dir) {
			if dir == "." {
				t.Errorf("the Dockerfile does not copy %s", folder)
				break
			}
			if folders[dir] {
				needed[dir] = true
				break
			}
		}
	}
	for dir := range folders {
		if !needed[dir] {
			t.Errorf("the Dockerfile copies %s for nothing", dir)
		}
	}
}
