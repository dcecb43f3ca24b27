package kubernetes

import (
	"context"
	"fmt"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// releaseToken is the one type that is not an object of the API server.
const releaseToken = "kubernetes:helm.sh/v3:Release"

// kindOf reads a type token: kubernetes:apps/v1:Deployment, kubernetes:core/v1:Secret, kubernetes:velero.io/v1:Backup.
func kindOf(urn resource.URN) (schema.GroupVersionKind, error) {
	token := string(urn.Type())
	parts := strings.Split(token, ":")
	if len(parts) != 3 || parts[0] != Name || parts[2] == "" {
		return schema.GroupVersionKind{}, fmt.Errorf("%s: the type %q is not of the form kubernetes:<group>/<version>:<Kind>", urn.Name(), token)
	}
	gv, err := schema.ParseGroupVersion(parts[1])
	if err != nil || gv.Version == "" {
		return schema.GroupVersionKind{}, fmt.Errorf("%s: the type %q names no group and version", urn.Name(), token)
	}
	if gv.Group == "core" {
		gv.Group = ""
	}
	return gv.WithKind(parts[2]), nil
}

// refuse names what this plugin does not support, and what to use instead.
func refuse(urn resource.URN) error {
	token := string(urn.Type())
	if instead, ok := unsupported(token); ok {
		return fmt.Errorf("%s: %s is not supported by the offline plugin; nothing was applied. %s", urn.Name(), token, instead)
	}
	return nil
}

func unsupported(token string) (instead string, refused bool) {
	_, rest, _ := strings.Cut(token, ":")
	module, kind, _ := strings.Cut(rest, ":")
	switch {
	case strings.HasPrefix(module, "yaml"):
		return "Declare each object as a resource of its own type, or package them as a chart for helm.sh/v3:Release.", true
	case strings.HasPrefix(module, "kustomize"):
		return "Render the directory beforehand and declare its objects, or package them as a chart for helm.sh/v3:Release.", true
	case strings.HasPrefix(module, "helm") && token != releaseToken:
		return "Use helm.sh/v3:Release, which also runs the chart's hooks.", true
	}
	gv, err := schema.ParseGroupVersion(strings.Replace(module, "core/", "", 1))
	if err != nil {
		return "", false
	}
	if single, ok := strings.CutSuffix(kind, "Patch"); ok && (isBuiltIn(gv.WithKind(single)) || strings.HasSuffix(gv.Group, ".k8s.io")) {
		return "Declare the object itself, or import it, and set the pulumi.com/patchForce annotation to take over its fields.", true
	}
	if single, ok := strings.CutSuffix(kind, "List"); ok && isBuiltIn(gv.WithKind(single)) {
		return "Declare each item as a resource of its own.", true
	}
	return "", false
}

// isBuiltIn says whether a kind is one of Kubernetes' own, of which the Go types are known.
func isBuiltIn(gvk schema.GroupVersionKind) bool { return scheme.Scheme.Recognizes(gvk) }

func refuseInvoke(_ context.Context, req p.InvokeRequest) (p.InvokeResponse, error) {
	instead, ok := unsupported(string(req.Token))
	if !ok {
		instead = "The offline plugin has no functions."
	}
	return p.InvokeResponse{}, fmt.Errorf("the function %s is not supported by the offline plugin. %s", req.Token, instead)
}

func refuseConstruct(_ context.Context, req p.ConstructRequest) (p.ConstructResponse, error) {
	if err := refuse(req.Urn); err != nil {
		return p.ConstructResponse{}, err
	}
	return p.ConstructResponse{}, fmt.Errorf("%s: the offline plugin has no components, so it cannot make a %s", req.Urn.Name(), req.Urn.Type())
}
