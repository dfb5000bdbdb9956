package kube_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/upstream/discovery/kube"
)

func TestServerAway(t *testing.T) {
	both(t, func(t *testing.T, a *apiServer, http2 bool) {
		a.put(service("ws:80"), slice("one", "10.0.0.1"))
		c := client(t, a)
		k := watch(t, c, "ws")
		k.set("10.0.0.1:8080")
		a.stop()
		k.wrong("the API server at https://127.0.0.1:", "cannot be reached: ")

		late := watch(t, c, "80")
		late.set("10.0.0.1:8080") // the last that is known
		late.wrong("cannot be reached")

		a.put(slice("one", "10.0.0.1", "10.0.0.2"))
		a.again(http2)
		k.back("10.0.0.1:8080", "10.0.0.2:8080")
		late.back("10.0.0.1:8080", "10.0.0.2:8080")
	})
}

func TestServerThatComesLate(t *testing.T) {
	a := newAPIServer(t, true)
	a.put(service("ws:80"), slice("one", "10.0.0.1"))
	c := client(t, a)
	a.stop()
	k := watch(t, c, "ws")
	k.wrong("cannot be reached: dial: connect: connection refused")
	a.again(true)
	k.back("10.0.0.1:8080")
}

func TestDisconnects(t *testing.T) {
	both(t, func(t *testing.T, a *apiServer, _ bool) {
		a.put(service("ws:80"), slice("one", "10.0.0.1"))
		k := watch(t, client(t, a), "ws")
		k.set("10.0.0.1:8080")
		for i, broken := range []func(){a.breakWatches, a.cutShort, a.CloseClientConnections, a.cutShort} {
			broken()
			addr := "10.0.1." + string(rune('1'+i))
			a.put(slice("one", addr))
			k.back(addr + ":8080")
		}
	})
}

// TestExpiredWatch has a watch broken, and what happened since forgotten.
func TestExpiredWatch(t *testing.T) {
	for name, refuse := range map[string]int{"event": 0, "status": http.StatusGone} {
		t.Run(name, func(t *testing.T) {
			a := newAPIServer(t, true)
			a.put(service("ws:80"), slice("one", "10.0.0.1"), slice("two", "10.0.0.2"))
			k := watch(t, client(t, a), "ws")
			k.set("10.0.0.1:8080", "10.0.0.2:8080")
			a.await("it watches", func() bool { return a.watches["endpointslices"] == 1 })
			a.change(func() {
				a.refused["watch endpointslices"] = refuse
				a.broken++
				delete(a.objects, keyOf(slice("one")))
				a.version += 10
				a.compacted = a.version
			})
			if refuse != 0 {
				a.await("the watch was refused and everything listed", func() bool {
					last := a.requests[len(a.requests)-1]
					return len(a.requests) > 6 && last.watch && last.resource == "endpointslices"
				})
				a.refuse("watch endpointslices", 0)
			}
			k.set("10.0.0.2:8080")
			a.put(slice("two", "10.0.0.3"))
			k.set("10.0.0.3:8080")
		})
	}
}

// TestBookmark has a watch go on where a bookmark was, though its own objects are older.
func TestBookmark(t *testing.T) {
	a := newAPIServer(t, true)
	a.put(service("ws:80"), slice("one", "10.0.0.1"))
	k := watch(t, client(t, a), "ws")
	k.set("10.0.0.1:8080")
	a.await("it watches", func() bool { return a.watches["endpointslices"] == 1 })
	version := a.bookmark("endpointslices")
	a.put(slice("one", "10.0.0.2"))
	k.set("10.0.0.2:8080")
	version2 := a.bookmark("endpointslices")
	a.put(slice("one", "10.0.0.3")) // so that the bookmark was read
	k.set("10.0.0.3:8080")
	version3 := a.bookmark("endpointslices")
	if version == version2 || version2 == version3 {
		t.Fatal("bookmarks are the same")
	}
	a.put(service("ws:80", "http:81"))
	a.breakWatches()
	a.await("the watch began again at the bookmark", func() bool {
		for _, r := range a.requests[4:] {
			if r.watch && r.resource == "endpointslices" && r.version == version3 {
				return true
			}
		}
		return false
	})
}

// TestTokenFile has the token in a file, as in a pod. client-go reads it again each minute, before the kubelet's tokens expire.
func TestTokenFile(t *testing.T) {
	a := newAPIServer(t, true)
	a.put(service("ws:80"), slice("one", "10.0.0.1"))
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(kube.Options{Kubeconfig: a.kubeconfig("{tokenFile: " + token + "}")})
	if err != nil {
		t.Fatal(err)
	}
	watch(t, c, "ws").set("10.0.0.1:8080")
}

func TestServerWithAnotherCertificate(t *testing.T) {
	a := newAPIServer(t, true)
	path := a.kubeconfig("{token: secret}")
	if err := os.Remove(filepath.Join(filepath.Dir(path), "ca.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.New(kube.Options{Kubeconfig: path}); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("without the authority's certificate: %v", err)
	}
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(config), ", certificate-authority: ca.pem", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(kube.Options{Kubeconfig: path})
	if err != nil {
		t.Fatal(err)
	}
	watch(t, c, "ws").wrong("cannot be reached", "certificate")
}

// TestQuiet looks for words of client-go's own.
func TestQuiet(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = w
	a := newAPIServer(t, true)
	a.put(service("ws:80"), slice("one", "10.0.0.1"))
	k := watch(t, client(t, a), "ws")
	k.set("10.0.0.1:8080")
	a.await("it watches", func() bool { return a.watches["endpointslices"] == 1 && a.watches["services"] == 1 })
	a.compact()
	a.await("it watches again", func() bool { return a.watches["endpointslices"] == 1 && len(a.requests) > 6 })
	a.cutShort()
	a.refuse("services", http.StatusForbidden)
	k.wrong("refuses")
	a.refuse("services", 0)
	k.set("10.0.0.1:8080")
	k.stop()
	os.Stderr = stderr
	w.Close()
	if said, err := io.ReadAll(r); err != nil || len(said) > 0 {
		t.Errorf("%s, %v", said, err)
	}
}
