package main

import (
	"context"
	"io"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
)

// global are the flags that all commands share.
type global struct {
	source     stack.Source
	kubeconfig string
	services   []string
}

// connect reads the outputs and opens the cluster that they name. The names are the services that were asked for.
func (g *global) connect(ctx context.Context, stdin io.Reader) (stack.Outputs, []string, *kube.Cluster, error) {
	g.source.Stdin = stdin
	outputs, err := g.source.Load(ctx)
	if err != nil {
		return stack.Outputs{}, nil, nil, err
	}
	names, err := outputs.Select(g.services)
	if err != nil {
		return stack.Outputs{}, nil, nil, err
	}
	cluster, err := kube.Connect(ctx, g.kubeconfig, outputs.Cluster)
	return outputs, names, cluster, err
}
