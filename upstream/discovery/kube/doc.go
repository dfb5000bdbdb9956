// Package kube watches the EndpointSlices of Kubernetes Services.
//
// A [Client] is the way to one API server. [Client.Watch] tells its caller the whole set of a Service's targets, and again
// after each change. Whoever watches the same Service shares two watches of the API: that of the Service, because only it
// maps a port's number to its name, and that of its EndpointSlices, which have the name, the pods' ports and addresses.
//
//	config    a kubeconfig, or the service account of the pod
//	mirror    a copy of objects, kept by a reflector of client-go: list, watch, and begin again when a watch expires
//	watched   the mirrors of one Service, and who hears of changes
//	targets   what both come to: a pure function
//
// What the API says is reduced to what counts as it arrives. While the API server is away the mirrors stay as they are.
//
// # Which endpoints are targets
//
// Endpoints that are ready are targets. Those that terminate but still serve are targets that leave. All others are none.
// Kubernetes marks every endpoint of a Service with publishNotReadyAddresses as ready, so that needs no rule here.
//
// # Zones
//
// A target's zone is the one that shall use it. That is its hint, where each ready endpoint has one, for hints can send a
// zone with few endpoints to those of another; if only some have hints they are about to change, and kube-proxy ignores them
// too. Otherwise it is the zone that the endpoint is in.
//
// # Size
//
// No typed clientset is used, since that imports every group. There is one scheme with two groups.
package kube
