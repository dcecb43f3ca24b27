// Package kubernetes is an offline stand-in for Pulumi's Kubernetes plugin: the real Pulumi engine on one side, a real
// API server on the other, and this thin layer between. Where a program can tell, it behaves as the official plugin of
// the same Version does: names, ids, diffs, replaces, waits, refresh, import and secrets. What it does not support it
// refuses by name.
package kubernetes

import (
	"context"
	"sync"

	p "github.com/pulumi/pulumi-go-provider"
)

const (
	// Name is the plugin's name, and the first part of each resource's type token.
	Name = "kubernetes"
	// Version is the release of the official plugin that this one stands in for.
	Version = "4.30.0"
)

// plugin holds what Configure decided; it serves one provider resource of a stack.
type plugin struct {
	config  Config
	cluster *cluster
	// unreachable says why there is no cluster. A preview must work without one, so it is not an error of Configure.
	unreachable error

	cancelled context.Context
	cancel    context.CancelFunc
	// warned holds the API server's warnings already shown: a preview asks the server several times about one object.
	warned sync.Map
}

// New returns the provider, ready to be served.
func New() p.Provider {
	k := &plugin{}
	k.cancelled, k.cancel = context.WithCancel(context.Background())
	return p.Provider{
		GetSchema: k.schema,
		Cancel: func(context.Context) error {
			k.cancel()
			return nil
		},
		CheckConfig: k.checkConfig,
		DiffConfig:  k.diffConfig,
		Configure:   k.configure,
		Invoke:      refuseInvoke,
		Construct:   refuseConstruct,
		Check:       k.check,
		Diff:        k.diff,
		Create:      k.create,
		Read:        k.read,
		Update:      k.update,
		Delete:      k.delete,
	}
}

// schema answers with the least a schema may be: any kind is accepted by its token, so there is no list to give.
func (k *plugin) schema(context.Context, p.GetSchemaRequest) (p.GetSchemaResponse, error) {
	return p.GetSchemaResponse{Schema: `{"name":"` + Name + `","version":"` + Version + `"}`}, nil
}

// during returns a context that ends with the request or with the engine's Cancel, whichever comes first.
func (k *plugin) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(k.cancelled, func() { cancel(errCancelled) })
	return ctx, func() { stop(); cancel(nil) }
}
