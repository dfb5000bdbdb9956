package kube_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An apiServer speaks as much of the API as it takes to list and watch Services and EndpointSlices.
type apiServer struct {
	*httptest.Server
	t *testing.T

	mu        sync.Mutex
	news      chan struct{} // closed with each change of what follows
	version   int
	compacted int // what came before cannot be watched any more
	objects   map[string]object
	events    []event
	token     string
	refused   map[string]int // statuses, by resource and by "watch resource"
	requests  []request
	watches   map[string]int // open ones, by resource
	broken    int            // counts how often all watches were broken
}

type object interface{ metav1.Object }

type event struct {
	version  int
	Type     string `json:"type"`
	Object   any    `json:"object"`
	resource string
	name     string
	owner    string
	cut      bool // ends in the middle, and the connection with it
}

type request struct {
	resource, version string
	watch             bool
}

var kinds = map[string][2]string{
	"services":       {"v1", "Service"},
	"endpointslices": {"discovery.k8s.io/v1", "EndpointSlice"},
}

func newAPIServer(t *testing.T, http2 bool) *apiServer {
	a := &apiServer{t: t, news: make(chan struct{}), objects: map[string]object{}, version: 100,
		token: "secret", refused: map[string]int{}, watches: map[string]int{}}
	a.start(http2, nil)
	return a
}

// start serves TLS at a listener, at one of its own if there is none.
func (a *apiServer) start(http2 bool, l net.Listener) {
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	if l != nil {
		a.Listener.Close()
		a.Listener = l
	}
	a.EnableHTTP2 = http2
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.StartTLS()
	a.t.Cleanup(a.stop)
}

// stop breaks all connections and listens no more.
func (a *apiServer) stop() {
	a.CloseClientConnections()
	a.breakWatches()
	a.Close()
}

// again serves at the same address.
func (a *apiServer) again(http2 bool) {
	l, err := net.Listen("tcp", a.Listener.Addr().String())
	if err != nil {
		a.t.Fatal(err)
	}
	a.start(http2, l)
}

// kubeconfig writes one that leads here. The user is what stands below "user:".
func (a *apiServer) kubeconfig(user string) (path string) {
	dir := a.t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600); err != nil {
		a.t.Fatal(err)
	}
	path = filepath.Join(dir, "config")
	config := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: here,
  clusters: [{name: c, cluster: {server: %q, certificate-authority: ca.pem}}],
  contexts: [{name: here, context: {cluster: c, user: u}}], users: [{name: u, user: %s}]}`, a.URL, user)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// change runs f and tells the watches.
func (a *apiServer) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	close(a.news)
	a.news = make(chan struct{})
}

// await waits until something is so.
func (a *apiServer) await(what string, is func() bool) {
	a.t.Helper()
	for end := time.After(20 * time.Second); ; {
		a.mu.Lock()
		so, news := is(), a.news
		a.mu.Unlock()
		if so {
			return
		}
		select {
		case <-news:
		case <-end:
			a.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// put creates or replaces objects.
func (a *apiServer) put(all ...object) {
	a.change(func() {
		for _, o := range all {
			key := keyOf(o)
			kind := "ADDED"
			if a.objects[key] != nil {
				kind = "MODIFIED"
			}
			a.happened(kind, o)
			a.objects[key] = o
		}
	})
}

func (a *apiServer) remove(all ...object) {
	a.change(func() {
		for _, o := range all {
			a.happened("DELETED", o)
			delete(a.objects, keyOf(o))
		}
	})
}

// happened is called under the lock.
func (a *apiServer) happened(kind string, o object) {
	a.version++
	o.SetResourceVersion(strconv.Itoa(a.version))
	resource, name, owner := describe(o)
	a.events = append(a.events, event{a.version, kind, o, resource, name, owner, false})
}

// bookmark tells the watches of a resource how far they have come.
func (a *apiServer) bookmark(resource string) (version string) {
	a.change(func() {
		a.version++
		version = strconv.Itoa(a.version)
		a.events = append(a.events, event{a.version, "BOOKMARK", map[string]any{"apiVersion": kinds[resource][0],
			"kind": kinds[resource][1], "metadata": map[string]any{"resourceVersion": version}}, resource, "", "", false})
	})
	return version
}

// cutShort sends a part of an event to the watches, and breaks their connections.
func (a *apiServer) cutShort() {
	a.change(func() { a.events = append(a.events, event{version: a.version, cut: true}) })
}

func (a *apiServer) breakWatches() { a.change(func() { a.broken++ }) }

// compact forgets the past. With it, the watches break.
func (a *apiServer) compact() {
	a.change(func() { a.version++; a.compacted = a.version; a.broken++ })
}

func (a *apiServer) refuse(what string, status int) { a.change(func() { a.refused[what] = status }) }

func keyOf(o object) string {
	resource, name, _ := describe(o)
	return resource + "/" + name
}

func describe(o object) (resource, name, owner string) {
	switch o := o.(type) {
	case *corev1.Service:
		o.APIVersion, o.Kind = "v1", "Service"
		return "services", o.Name, o.Name
	case *discoveryv1.EndpointSlice:
		o.APIVersion, o.Kind = "discovery.k8s.io/v1", "EndpointSlice"
		return "endpointslices", o.Name, o.Labels[discoveryv1.LabelServiceName]
	}
	panic("unknown kind")
}

func (a *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	resource := parts[len(parts)-1]
	q := r.URL.Query()
	watch := q.Get("watch") == "true" || q.Get("watch") == "1"
	selector := "fieldSelector"
	prefix := "metadata.name="
	if resource == "endpointslices" {
		selector, prefix = "labelSelector", "kubernetes.io/service-name="
	}
	service, ok := strings.CutPrefix(q.Get(selector), prefix)
	if !ok || !strings.Contains(r.URL.Path, "/namespaces/") {
		a.fail(w, http.StatusBadRequest, "unexpected "+r.URL.String())
		return
	}
	var status int
	a.change(func() {
		a.requests = append(a.requests, request{resource, q.Get("resourceVersion"), watch})
		status = a.refused[resource]
		if watch && status == 0 {
			status = a.refused["watch "+resource]
		}
		if r.Header.Get("Authorization") != "Bearer "+a.token {
			status = http.StatusUnauthorized
		}
	})
	switch {
	case status == -1:
		panic(http.ErrAbortHandler)
	case status != 0:
		a.fail(w, status, fmt.Sprintf("%s is refused with %d", resource, status))
	case watch:
		a.watch(w, r, resource, service)
	default:
		a.list(w, resource, service)
	}
}

func (a *apiServer) fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(failure(status, message))
}

func failure(status int, message string) metav1.Status {
	reasons := map[int]metav1.StatusReason{401: "Unauthorized", 403: "Forbidden", 404: "NotFound",
		410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}
	return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure",
		Message: message, Reason: reasons[status], Code: int32(status)}
}

func (a *apiServer) list(w http.ResponseWriter, resource, service string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	items := []object{}
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		if of, _, owner := describe(a.objects[key]); of == resource && owner == service {
			items = append(items, a.objects[key])
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"apiVersion": kinds[resource][0], "kind": kinds[resource][1] + "List",
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": items})
}

func (a *apiServer) watch(w http.ResponseWriter, r *http.Request, resource, service string) {
	from, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil {
		a.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	var next, broken int
	a.change(func() {
		a.watches[resource]++
		next, broken = len(a.events), a.broken
		for next > 0 && a.events[next-1].version > from {
			next--
		}
	})
	defer a.change(func() { a.watches[resource]-- })
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	out.Flush()
	for {
		a.mu.Lock()
		events, news, over, expired := a.events[next:], a.news, a.broken != broken, from < a.compacted
		next = len(a.events)
		for _, e := range events {
			if e.cut {
				w.Write([]byte(`{"type":"MODIFIED","object":{"kind"`))
				out.Flush()
				a.mu.Unlock()
				panic(http.ErrAbortHandler)
			}
			if e.resource == resource && (e.owner == service || e.owner == "") && !expired {
				json.NewEncoder(w).Encode(e)
			}
		}
		a.mu.Unlock()
		if expired && !over {
			json.NewEncoder(w).Encode(event{Type: "ERROR", Object: failure(http.StatusGone, "too old resource version")})
			return
		}
		if over {
			return
		}
		out.Flush()
		select {
		case <-news:
		case <-r.Context().Done():
			return
		}
	}
}
