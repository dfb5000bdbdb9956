//go:build kubernetes

package kube_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/internal/freeport"
	"weir/upstream/discovery/kube"
)

var realServer = flag.String("kube-apiserver", "", "the API server of TestKubernetes (make test-kubernetes)")

// TestKubernetes watches a Service of a real API server. Nobody else writes EndpointSlices there, so the test plays the controller.
func TestKubernetes(t *testing.T) {
	a := startCluster(t)
	c, err := kube.New(kube.Options{Kubeconfig: a.kubeconfig("weir")})
	if err != nil {
		t.Fatal(err)
	}
	c.Hasten()
	k := watch(t, c, "ws")
	k.wrong(`refuses `, `verbs: [get, list, watch]`)
	for _, object := range manifests(t, "../../../deploy/kubernetes-rbac.yaml") {
		a.create(object)
	}
	for n := k.next(); ; n = k.next() { // the resources are allowed one after the other
		if n.err != nil && strings.Contains(n.err.Error(), "there is no Service") {
			break
		} else if n.err == nil || !strings.Contains(n.err.Error(), "refuses") {
			t.Fatalf("told %v", n)
		}
	}

	a.create(service("ws:80"))
	k.set()
	a.create(slice("chat-1", "10.0.0.1", "10.0.0.2"))
	k.set("10.0.0.1:8080", "10.0.0.2:8080")
	a.create(slice("chat-6", "fd00::1"))
	k.set("10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080")
	watch(t, c, "80").set("10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080")
	a.remove(slice("chat-6"))
	k.set("10.0.0.1:8080", "10.0.0.2:8080")

	for _, step := range []struct{ slice, told string }{
		{"10.0.0.1 10.0.0.2 ?10.0.0.3", ""},
		{"10.0.0.1 10.0.0.2 10.0.0.3", "10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080"},
		{"!10.0.0.1 10.0.0.2 10.0.0.3", "!10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080"},
		{"!10.0.0.2 10.0.0.3", "!10.0.0.2:8080 10.0.0.3:8080"},
		{"10.0.0.3", "10.0.0.3:8080"},
	} {
		a.update(slice("chat-1", strings.Fields(step.slice)...))
		if step.told != "" {
			k.set(strings.Fields(step.told)...)
		}
	}

	a.stop()
	k.wrong("cannot be reached")
	a.start()
	k.back("10.0.0.3:8080")
	a.update(slice("chat-1", "10.0.0.4"))
	k.set("10.0.0.4:8080")
	a.remove(service())
	k.wrong("there is no Service")
	k.stop()
}

// manifests reads the objects of a file.
func manifests(t *testing.T, path string) (all []map[string]any) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := yaml.NewDecoder(f); ; {
		var object map[string]any
		if err := d.Decode(&object); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, object)
	}
}

// A cluster is an API server and its store, and no node.
type cluster struct {
	t      *testing.T
	dir    string
	store  string // URL of etcd
	host   string // and port of the API server
	client *http.Client
	stop   func()
}

func startCluster(t *testing.T) *cluster {
	a := &cluster{t: t, dir: t.TempDir(), store: "http://" + freeport.Addr(t), host: freeport.Addr(t)}
	a.certify()
	// Users are told by their token: one who may do all, and the service account of the manifests.
	a.write("tokens.csv", []byte("root,root,1,system:masters\nweir,system:serviceaccount:default:weir,2\n"))
	peers := "http://" + freeport.Addr(t)
	a.run("etcd", "etcd", "--data-dir", a.path("etcd"), "--listen-client-urls", a.store, "--advertise-client-urls", a.store,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers, "--unsafe-no-fsync")
	a.start()
	return a
}

// certify writes a certificate for 127.0.0.1 that is its own authority, and the key, which signs tokens too.
func (a *cluster) certify() {
	server := httptest.NewTLSServer(nil)
	server.Close()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	a.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	a.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
}

// start runs the API server, and waits until it is ready.
func (a *cluster) start() {
	a.t.Helper()
	_, port, _ := net.SplitHostPort(a.host)
	a.stop = a.run("kube-apiserver", *realServer, "--etcd-servers", a.store, "--bind-address", "127.0.0.1", "--secure-port", port,
		"--tls-cert-file", a.path("ca.pem"), "--tls-private-key-file", a.path("key.pem"), "--cert-dir", a.dir,
		"--service-account-key-file", a.path("key.pem"), "--service-account-signing-key-file", a.path("key.pem"),
		"--service-account-issuer", "https://cluster.test", "--token-auth-file", a.path("tokens.csv"), "--service-cluster-ip-range", "10.96.0.0/24",
		"--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount")
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		status, answer := a.ask("GET", "/readyz", nil)
		if status == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(a.path("kube-apiserver.log"))
			a.t.Fatalf("the API server is not ready: %d %s\n%s", status, answer, log[max(0, len(log)-5000):])
		}
	}
}

// run starts a program that logs to a file. It is killed by stop, or when the test ends.
func (a *cluster) run(name, program string, args ...string) (stop func()) {
	log, err := os.OpenFile(a.path(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	defer log.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	stop = func() { cancel(); cmd.Wait() }
	a.t.Cleanup(stop)
	return stop
}

func (a *cluster) path(name string) string { return filepath.Join(a.dir, name) }

func (a *cluster) write(name string, content []byte) {
	if err := os.WriteFile(a.path(name), content, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *cluster) kubeconfig(token string) (path string) {
	a.write("config", fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: here,
  clusters: [{name: c, cluster: {server: "https://%s", certificate-authority: ca.pem}}],
  contexts: [{name: here, context: {cluster: c, user: u}}], users: [{name: u, user: {token: %s}}]}`, a.host, token))
	return a.path("config")
}

func (a *cluster) ask(method, path string, body []byte) (status int, answer string) {
	r, err := http.NewRequest(method, "https://"+a.host+path, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer root")
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	all, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(all)
}

func (a *cluster) create(o any) { a.send("POST", o) }
func (a *cluster) update(o any) { a.send("PUT", o) }
func (a *cluster) remove(o any) { a.send("DELETE", o) }

// send does something with an object at the place that is its kind's.
func (a *cluster) send(method string, o any) {
	a.t.Helper()
	if o, ours := o.(object); ours {
		describe(o) // its kind
	}
	body, err := json.Marshal(o)
	if err != nil {
		a.t.Fatal(err)
	}
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
	}
	if err := json.Unmarshal(body, &head); err != nil {
		a.t.Fatal(err)
	}
	path := "/apis/" + head.APIVersion
	if head.APIVersion == "v1" {
		path = "/api/v1"
	}
	path += "/namespaces/default/" + strings.ToLower(head.Kind) + "s"
	if method != "POST" {
		path += "/" + head.Metadata.Name
	}
	if method == "DELETE" {
		body = nil
	}
	if status, answer := a.ask(method, path, body); status/100 != 2 {
		a.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
}
