package kube

import (
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// load finds the API server and the credentials for it, in the order that is usual for programs that may run in a cluster or
// beside it: a file that was named, those of $KUBECONFIG, the pod's service account, ~/.kube/config.
func load(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	if kubeconfig == "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		config, err := rest.InClusterConfig()
		switch {
		case err == nil:
			return config, nil
		case !errors.Is(err, rest.ErrNotInCluster):
			return nil, fmt.Errorf("this pod has no token of a service account (%w): set serviceAccountName, and "+
				"automountServiceAccountToken to true, or name a kubeconfig in $KUBECONFIG", err)
		}
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	switch {
	case err == nil:
		return config, nil
	case !clientcmd.IsEmptyConfig(err):
		return nil, fmt.Errorf("kubeconfig: %w", err)
	case kubeconfig != "":
		return nil, fmt.Errorf("kubeconfig %s names no cluster: its current-context must lead to one", kubeconfig)
	}
	return nil, errors.New("no Kubernetes cluster is known: this process does not run in a pod, and neither $KUBECONFIG " +
		"nor ~/.kube/config names a cluster")
}
