package kube

import (
	"errors"
	"io"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Next says what to do about a question that the API server did not answer. The right is the one that it takes, such as
// `list pods in namespace shop`.
func Next(err error, right string) string {
	switch {
	case apierrors.IsUnauthorized(err):
		return "Sign in again: the credentials of the kubeconfig's context are not accepted (any more)"
	case apierrors.IsForbidden(err):
		return "A right is missing: " + right + ". Have it granted to the user of the kubeconfig's context"
	// client-go's words for a plugin that failed; it has no type for it
	case err != nil && strings.Contains(err.Error(), "getting credentials: "):
		return "Sign in again: the command by which the kubeconfig's context gets its credentials failed, as `kubectl auth whoami` shows"
	}
	return "Look whether the API server is up: kubectl get --raw /readyz"
}

// Unheard tells an error of the API server, or on the way to it, from one of a service behind it.
func Unheard(err error) bool {
	var transport *url.Error
	return apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) || errors.As(err, &transport) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// InContext has the commands in an advice ask the stack's cluster, and not whichever kubectl asks at present.
func InContext(advice, context string) string {
	return strings.ReplaceAll(advice, "kubectl ", "kubectl --context "+context+" ")
}
