package kube

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// A Service is a port of a Kubernetes Service.
type Service struct {
	Namespace string
	Name      string
	Port      string // number or name of the Service's port, not of its pods'
}

func (s Service) String() string { return s.Namespace + "/" + s.Name }

// ParseService reads "service.namespace" and the number or name of one of the Service's ports.
func ParseService(host, port string) (Service, error) {
	name, namespace, both := strings.Cut(host, ".")
	if !both || strings.Contains(namespace, ".") {
		return Service{}, fmt.Errorf("%q is not of the form service.namespace", host)
	}
	s := Service{Namespace: namespace, Name: name, Port: port}
	return s, s.validate()
}

// validate keeps what is no name out of paths and selectors.
func (s Service) validate() error {
	for _, part := range []struct{ what, value string }{
		{"Service", s.Name}, {"namespace", s.Namespace}, {"port", s.Port},
	} {
		if why := validation.IsDNS1123Label(part.value); why != nil {
			return fmt.Errorf("%q cannot be a %s: %s", part.value, part.what, why[0])
		}
	}
	return nil
}

// in looks the port up among those that the Service has.
func (s Service) in(services map[string]ports) (port string, err error) {
	p, exists := services[s.Name]
	switch {
	case !exists:
		return "", fmt.Errorf("there is no Service %q in the namespace %q", s.Name, s.Namespace)
	case p.external:
		return "", fmt.Errorf("the Service %v is of type ExternalName, which has no EndpointSlices: "+
			"name its external host as the backend", s)
	}
	port, ok := p.find(s.Port)
	if !ok {
		return "", fmt.Errorf("the Service %v has no TCP port %q; its ports: %v", s, s.Port, p)
	}
	return port, nil
}

// ports is what counts of a Service.
type ports struct {
	external bool // it stands for a name elsewhere
	list     []servicePort
}

type servicePort struct {
	name   string
	number int32
}

func reduceService(s *corev1.Service) ports {
	p := ports{external: s.Spec.Type == corev1.ServiceTypeExternalName}
	for _, port := range s.Spec.Ports {
		if port.Protocol == corev1.ProtocolTCP || port.Protocol == "" {
			p.list = append(p.list, servicePort{port.Name, port.Port})
		}
	}
	return p
}

// find returns the name of the port that is called so, by number or by name, which is how EndpointSlices refer to it. A name
// may consist of digits; the number comes first.
func (p ports) find(port string) (name string, ok bool) {
	for _, is := range []func(servicePort) bool{
		func(s servicePort) bool { return strconv.Itoa(int(s.number)) == port },
		func(s servicePort) bool { return s.name == port && port != "" },
	} {
		if i := slices.IndexFunc(p.list, is); i >= 0 {
			return p.list[i].name, true
		}
	}
	return "", false
}

// String lists the ports for an error.
func (p ports) String() string {
	if len(p.list) == 0 {
		return "none"
	}
	all := make([]string, len(p.list))
	for i, port := range p.list {
		all[i] = strconv.Itoa(int(port.number))
		if port.name != "" {
			all[i] += " (" + port.name + ")"
		}
	}
	return strings.Join(all, ", ")
}
