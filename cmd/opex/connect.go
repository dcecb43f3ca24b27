package main

import (
	"context"
	"fmt"
	"io"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/recovery"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
)

// global are the flags that all commands share.
type global struct {
	source     stack.Source
	kubeconfig string
	services   []string
	inCluster  bool           // as a pod
	loaded     *stack.Outputs // once read: standard input gives them only once
}

// connect reads the outputs and opens the cluster that they name. The names are the services that were asked for.
func (g *global) connect(ctx context.Context, stdin io.Reader) (stack.Outputs, []string, *kube.Cluster, error) {
	if g.loaded == nil {
		g.source.Stdin = stdin
		read, err := g.source.Load(ctx)
		if err != nil {
			return stack.Outputs{}, nil, nil, err
		}
		g.loaded = &read
	}
	outputs := *g.loaded
	names, err := outputs.Select(g.services)
	if err != nil {
		return stack.Outputs{}, nil, nil, err
	}
	open := func() (*kube.Cluster, error) { return kube.Connect(ctx, g.kubeconfig, outputs.Cluster) }
	if g.inCluster {
		open = func() (*kube.Cluster, error) { return kube.ConnectInside(ctx, outputs.Cluster) }
	}
	cluster, err := open()
	return outputs, names, cluster, err
}

// sites are the services that can be got back. What keeps one of several from that is said, and the others remain; it
// is an error where that one was asked for, or where it is true of all.
func (g *global) sites(
	ctx context.Context, stdin io.Reader, people io.Writer,
) ([]*recovery.Site, stack.Outputs, error) {
	outputs, names, cluster, err := g.connect(ctx, stdin)
	if err != nil {
		return nil, outputs, err
	}
	var sites []*recovery.Site
	for _, name := range names {
		site, err := recovery.Open(cluster, outputs, name, people)
		switch {
		case err == nil:
			sites = append(sites, site)
		case len(names) == 1 || len(g.services) > 0 || outputs.Backup == nil:
			return nil, outputs, err
		default:
			fmt.Fprintln(people, err)
		}
	}
	return sites, outputs, nil
}
