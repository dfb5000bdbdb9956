package deploytest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// runTimeout is how long an example may run.
const runTimeout = 2 * time.Minute

// A rig is where the examples of a page are tested: a folder, and a program.
type rig struct {
	folder string
	bin    string // the folder of the program
	once   sync.Once
	admin  string
}

// build makes bin/weir.
func build(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if out, err := exec.Command("go", "build", "-o", folder, "weir/cmd/weir").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

func newRig(t *testing.T, bin string) *rig {
	t.Helper()
	r := &rig{folder: t.TempDir(), bin: bin}
	certs, keys := certificate(t)
	r.write(t, "a.pem", fileText(t, certs[0]))
	r.write(t, "a.key", fileText(t, keys[0]))
	r.write(t, "pair.pem", fileText(t, certs[0])+fileText(t, keys[0]))
	if modules, err := filepath.Abs(top + "internal/interop/node/node_modules"); err == nil {
		_ = os.Symlink(modules, filepath.Join(r.folder, "node_modules"))
	}
	return r
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (r *rig) write(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(r.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// standIns puts files into the rig's folder that a page's examples need and the page does not show.
func (r *rig) standIns(t *testing.T, page string) {
	t.Helper()
	files, err := filepath.Glob("testdata/" + strings.TrimSuffix(page, ".md") + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		r.write(t, filepath.Base(file), fileText(t, file))
	}
}

// command is a program in the rig's folder, found in bin first.
func (r *rig) command(name string, args ...string) *exec.Cmd {
	if name == "weir" {
		name = filepath.Join(r.bin, name)
	}
	cmd := exec.Command(name, args...)
	r.in(cmd)
	return cmd
}

func (r *rig) in(cmd *exec.Cmd) {
	cmd.Dir = r.folder
	cmd.Env = append(os.Environ(), "PATH="+r.bin+":"+os.Getenv("PATH"))
}

// run runs a block as a script, in namespaces of its own: ports are free, and what it leaves behind ends with it.
func (r *rig) run(t *testing.T, b block, interpreter ...string) {
	t.Helper()
	script := r.write(t, "run."+map[string]string{"node": "mjs"}[interpreter[0]], b.text)
	apart := []string{"unshare", "-rnpf", "--kill-child", "--mount-proc", "sh", "-c", `ip link set lo up; exec "$@"`, "sh"}
	if exec.Command(apart[0], append(apart[1:], "true")...).Run() != nil {
		t.Fatalf("%s: it is run in namespaces of its own, and this machine lets unshare and ip make none; see .ci/deps", b.place())
	}
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, apart[0], append(append(apart[1:], interpreter...), script)...)
	r.in(cmd)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", b.place(), err, out)
	} else {
		t.Logf("%s:\n%s", b.place(), out)
	}
}

var (
	nginxCertificate = regexp.MustCompile(`(ssl_(?:client_|trusted_)?certificate(_key)?)\s+\S+;`)
	nginxPort        = regexp.MustCompile(`(\blisten\s+(?:\S+:)?)(80|443)\b`)
	nginxTop         = regexp.MustCompile(`(?m)^(events|http|stream|server|map|upstream|location)\b`)
)

// nginx has nginx judge a configuration, with what the fragment leaves out around it.
func (r *rig) nginx(t *testing.T, b block) {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Fatal("nginx is not installed: run .ci/deps")
	}
	text, has := b.text, map[string]bool{}
	for _, m := range nginxTop.FindAllStringSubmatch(text, -1) {
		has[m[1]] = true
	}
	whole := has["http"] || has["stream"] || has["events"]
	if !whole && !has["server"] && !has["map"] && !has["upstream"] {
		if !has["location"] {
			text = "location / {\n" + text + "}\n"
		}
		text = "server {\n" + text + "}\n"
	}
	if !whole {
		text = "http {\n" + text + "}\n"
	}
	if !has["events"] {
		text = "events {}\n" + text
	}
	if module := "/usr/lib/nginx/modules/ngx_stream_module.so"; has["stream"] {
		text = "load_module " + module + ";\n" + text
	}
	text = nginxCertificate.ReplaceAllStringFunc(text, func(s string) string {
		m := nginxCertificate.FindStringSubmatch(s)
		return m[1] + " " + filepath.Join(r.folder, map[bool]string{true: "a.key", false: "a.pem"}[m[2] != ""]) + ";"
	})
	path := r.write(t, "nginx.conf", nginxPort.ReplaceAllString(text, "${1}10${2}"))
	out, err := r.command("nginx", "-t", "-p", r.folder, "-c", path, "-g", "pid "+r.folder+"/nginx.pid; error_log stderr;").CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", b.place(), err, out)
	}
}

var haproxyCertificate = regexp.MustCompile(`\b(crt|ca-file)\s+\S+`)

func (r *rig) haproxy(t *testing.T, b block) {
	t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Fatal("haproxy is not installed: run .ci/deps")
	}
	path := r.write(t, "haproxy.cfg", haproxyCertificate.ReplaceAllString(b.text, "${1} "+filepath.Join(r.folder, "pair.pem")))
	if out, err := r.command("haproxy", "-c", "-dr", "-f", path).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", b.place(), err, out)
	}
}

var execStart = regexp.MustCompile(`(?m)^(Exec\w+=)\S+.*$`)

// systemd has systemd judge a unit, or a drop-in put into one.
func (r *rig) systemd(t *testing.T, b block) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Fatal("systemd-analyze is not installed: run .ci/deps")
	}
	service, socket := "[Service]\nExecStart=/bin/true\n", ""
	switch {
	case strings.Contains(b.text, "[Socket]"):
		socket = b.text
	case strings.Contains(b.text, "ExecStart="):
		service = execStart.ReplaceAllString(b.text, "${1}/bin/true")
	default:
		service += b.text
	}
	paths := []string{r.write(t, "weir.service", service)}
	if socket != "" {
		paths = append(paths, r.write(t, "weir.socket", socket))
	}
	out, err := r.command("systemd-analyze", append([]string{"verify", "--man=no"}, paths...)...).CombinedOutput()
	if err != nil || len(out) > 0 && strings.Contains(string(out), r.folder) {
		t.Errorf("%s: %v\n%s", b.place(), err, out)
	}
}
