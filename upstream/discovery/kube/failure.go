package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"golang.org/x/net/http2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// explain says of a failed list or watch what can be done about it. The same cause has the same text, whichever connection
// it befell.
func (c *Client) explain(r resource, err error) error {
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("the API server refuses %s in the namespace %q (%w): the Role of the gateway's service account needs "+
			"the rule {apiGroups: [%q], resources: [%s], verbs: [get, list, watch]}", r.name, r.namespace, err, r.group, r.name)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the API server at %s does not accept the credentials (%w): renew the token or certificate", c.host, err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("the API server at %s does not know %s (%w): Kubernetes 1.21 or later is needed", c.host, r.name, err)
	case apierrors.ReasonForError(err) != "":
		return fmt.Errorf("the API server at %s failed: %w", c.host, err)
	}
	return fmt.Errorf("the API server at %s cannot be reached: %w", c.host, cause(err))
}

// cause leaves out what differs from one attempt to the next: the request, the connection's own port, a stream's number.
func cause(err error) error {
	var request *url.Error
	var op *net.OpError
	var reset http2.StreamError
	var goaway http2.GoAwayError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", listTimeout)
	case errors.As(err, &op):
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	case errors.As(err, &reset):
		return fmt.Errorf("the stream was reset: %v", reset.Code)
	case errors.As(err, &goaway):
		return fmt.Errorf("the connection was ended: %v", goaway.ErrCode)
	case errors.As(err, &request):
		return request.Err
	}
	return err
}
