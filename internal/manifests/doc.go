// Command manifests judges files for Kubernetes and for Compose as strictly as their own programs read them. It is a module
// of its own, so that what it needs is no part of Weir.
//
//	manifests kubernetes <objects.yaml
//	manifests compose <compose.yaml
package main
