package kube_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/upstream/discovery/kube"
)

func TestNoCluster(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBERNETES_SERVICE_PORT", "")
	empty := filepath.Join(home, "empty")
	if err := os.WriteFile(empty, []byte("{apiVersion: v1, kind: Config}"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(path string, says ...string) {
		t.Helper()
		_, err := kube.New(kube.Options{Kubeconfig: path})
		for _, want := range says {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", path, err, want)
			}
		}
	}
	refused("", "no Kubernetes cluster is known", "$KUBECONFIG", "~/.kube/config")
	refused(empty, empty, "names no cluster", "current-context")
	refused(filepath.Join(home, "none"), "kubeconfig: ", "none: no such file")

	t.Setenv("KUBECONFIG", filepath.Join(home, "none"))
	refused("", "no Kubernetes cluster is known")

	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	if _, err := os.Stat("/var/run/secrets/kubernetes.io"); err != nil {
		refused("", "no token of a service account", "automountServiceAccountToken")
	}
}

func TestShared(t *testing.T) {
	a := newAPIServer(t, true)
	path := a.kubeconfig("{token: secret}")
	t.Setenv("KUBECONFIG", path)
	for _, options := range []kube.Options{{}, {Kubeconfig: path}} {
		one, err := kube.Shared(options)
		if err != nil {
			t.Fatal(err)
		}
		if two, err := kube.Shared(options); err != nil || one != two {
			t.Errorf("another client: %v", err)
		}
	}
}

func TestParseService(t *testing.T) {
	s, err := kube.ParseService("chat.default", "ws")
	if err != nil || s != (kube.Service{Namespace: "default", Name: "chat", Port: "ws"}) {
		t.Errorf("%v, %v", s, err)
	}
	for _, bad := range [][2]string{{"chat", "80"}, {"chat.default.svc", "80"}, {"chat.", "80"}, {".default", "80"}, {"Chat.default", "80"},
		{"chat.a/b", "80"}, {"chat,x.default", "80"}, {"chat.default", ""}, {"chat.default", "a=b"}} {
		if s, err := kube.ParseService(bad[0], bad[1]); err == nil {
			t.Errorf("%v became %v", bad, s)
		}
	}
}
