package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// kubernetes decodes objects as the API server does for kubectl apply --validate=strict: an unknown or repeated field is an error.
func kubernetes(text []byte) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme, rbac.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	objects := 0
	for documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; objects++ {
		document, err := documents.Read()
		switch {
		case errors.Is(err, io.EOF) && objects > 0:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("there are no objects")
		case err != nil:
			return err
		}
		if _, kind, err := decoder.Decode(document, nil, nil); err != nil {
			return fmt.Errorf("object %d, %v: %w", objects+1, kind, err)
		}
	}
}
