package kube

import (
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	apinet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// What client-go has to say would go to standard error. Whatever matters of it comes as an error of a call.
func init() { klog.SetLogger(logr.Discard()) }

const (
	listTimeout = 30 * time.Second
	watchGrace  = 30 * time.Second // that a watch may last beyond the time after which the server is to end it
)

// backoff is the time between attempts while the API server is away: up to 15 s, and up to half of that on top, so that
// gateways do not come in step.
var backoff = wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 1000, Cap: 15 * time.Second}

// A Client is the way to one API server. It may be used from any goroutine.
type Client struct {
	host            string
	http            *http.Client
	core, discovery rest.Interface
	backoff         wait.Backoff

	mu      sync.Mutex
	watched map[service]*watched
}

// service is a Service, whatever its port.
type service struct{ namespace, name string }

// Options say where the API server is.
type Options struct {
	Kubeconfig string // a file; "": those that $KUBECONFIG names, the pod's service account, or ~/.kube/config
}

var shared = struct {
	sync.Mutex
	clients map[Options]*Client
}{clients: map[Options]*Client{}}

// Shared is the process's client with these options, made when it is first asked for. It reads a kubeconfig once.
func Shared(options Options) (*Client, error) {
	shared.Lock()
	defer shared.Unlock()
	if c := shared.clients[options]; c != nil {
		return c, nil
	}
	c, err := New(options)
	if err == nil {
		shared.clients[options] = c
	}
	return c, err
}

// New makes a client. It reads the configuration, and does not connect.
func New(options Options) (*Client, error) {
	config, err := load(options.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = "weir"
	config.WarningHandler = rest.NoWarnings{}
	config.QPS, config.Burst = 20, 100 // lists alone count; a watch is not held back
	c := &Client{host: config.Host, backoff: backoff, watched: map[service]*watched{}}
	if c.http, err = rest.HTTPClientFor(config); err != nil {
		return nil, err
	}
	if c.core, err = c.group(*config, "/api", corev1.SchemeGroupVersion); err != nil {
		return nil, err
	}
	if c.discovery, err = c.group(*config, "/apis", discoveryv1.SchemeGroupVersion); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Client) group(config rest.Config, path string, version schema.GroupVersion) (rest.Interface, error) {
	config.APIPath, config.GroupVersion, config.NegotiatedSerializer = path, &version, codecs
	return rest.RESTClientForConfigAndClient(&config, c.http)
}

// rest closes the connections that nobody uses any more.
func (c *Client) rest() { apinet.CloseIdleConnectionsFor(c.http.Transport) }

var codecs = func() runtime.NegotiatedSerializer {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Service{}, &corev1.ServiceList{})
	scheme.AddKnownTypes(discoveryv1.SchemeGroupVersion, &discoveryv1.EndpointSlice{}, &discoveryv1.EndpointSliceList{})
	for _, version := range []schema.GroupVersion{corev1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion} {
		metav1.AddToGroupVersion(scheme, version)
	}
	return serializer.NewCodecFactory(scheme).WithoutConversion()
}()
