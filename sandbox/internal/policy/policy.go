// Package policy enforces NetworkPolicies on one node: kube-router's policy controller, without its router and its
// service proxy.
package policy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// Run enforces the policies for the pods of a node until the context ends. It must run in that node's network
// namespace, and ends with an error as long as the node is not registered.
func Run(ctx context.Context, kubeconfig, nodeName string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	// kube-router looks for the host's name where it does not find this one, and all nodes share one host's name.
	if _, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{}); err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	if err := os.Setenv("NODE_NAME", nodeName); err != nil {
		return err
	}
	watched := informers.NewSharedInformerFactory(client, 0)
	pods := watched.Core().V1().Pods().Informer()
	policies := watched.Networking().V1().NetworkPolicies().Informer()
	namespaces := watched.Core().V1().Namespaces().Informer()

	settings := options.NewKubeRouterConfig()
	settings.EnableIPv4 = true
	settings.ClusterIPCIDRs = []string{layout.ServiceNetwork.String()}
	tables, sets, err := netpol.NewIPTablesHandlers(settings)
	if err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	for family, handler := range tables {
		tables[family] = remember(handler)
	}
	controller, err := netpol.NewNetworkPolicyController(
		client, settings, pods, policies, namespaces, &sync.Mutex{}, tables, sets,
	)
	if err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	var problems []error
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods: controller.PodEventHandler, policies: controller.NetworkPolicyEventHandler, namespaces: controller.NamespaceEventHandler,
	} {
		_, err := informer.AddEventHandler(handler)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	watched.Start(ctx.Done())
	for kind, synced := range watched.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("network policies: no list of %s came", kind)
		}
	}

	// The controller reports that it lives; a supervisor that restarts it when it ends is all that listens here.
	beats := make(chan *healthcheck.ControllerHeartbeat)
	go func() {
		for range beats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	controller.Run(beats, ctx.Done(), &running)
	running.Wait()
	return nil
}
