package kube

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

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
