package stacks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/chaos"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/problem"
)

// facts are what a cluster holds before anything is declared. The SDK reads an object that must exist; these may be
// missing, so the API server is asked itself, as the kubeconfig says. The zero value is a cluster that was not reached.
type facts struct {
	uid                  string   // of kube-system, the cluster's identity
	controlPlane         []string // CIDRs of the API server's own addresses, sorted
	foreignMetricsServer bool     // somebody else's metrics-server
	foreignCRDs          bool     // somebody else's kinds of the Vertical Pod Autoscaler
	chaosMesh            string   // the installed release's chart with its version, such as chaos-mesh-2.8.4
	claims               map[string]claim
}

// claim is a volume's claim that exists.
type claim struct {
	class string
	size  resource.Quantity
}

// patience is how long the cluster may take for each question.
const patience = 20 * time.Second

// lookUp asks the cluster.
func lookUp(ctx context.Context, c Config, folder string) (facts, error) {
	api, err := newClient(c.Cluster, folder)
	if err != nil {
		return facts{}, err
	}
	found := facts{claims: map[string]claim{}}
	var system object
	if exists, err := api.get(ctx, "/api/v1/namespaces/kube-system", &system); err != nil {
		return facts{}, err
	} else if !exists || system.UID == "" {
		return facts{}, fmt.Errorf("the cluster of context %q does not tell its identity, the UID of kube-system", c.Cluster.Context)
	}
	found.uid = string(system.UID)
	for _, question := range []func(context.Context, client, Config) error{
		found.askControlPlane, found.askMetricsServer, found.askCRDs, found.askChaosMesh, found.askClaims,
	} {
		if err := question(ctx, api, c); err != nil {
			return facts{}, err
		}
	}
	return found, nil
}

// object is what all objects have.
type object struct {
	metav1.ObjectMeta `json:"metadata"`
}

// ownedBy says whether a Helm release of this program made the object.
func (o object) ownedBy(release, namespace string) bool {
	return o.Annotations["meta.helm.sh/release-name"] == release &&
		o.Annotations["meta.helm.sh/release-namespace"] == namespace
}

func (f *facts) askControlPlane(ctx context.Context, api client, c Config) error {
	var slice struct {
		Endpoints []struct {
			Addresses []string `json:"addresses"`
		} `json:"endpoints"`
	}
	exists, err := api.get(ctx, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes", &slice)
	for _, endpoint := range slice.Endpoints {
		for _, text := range endpoint.Addresses {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("the API server's address %q: %w", text, err)
			}
			f.controlPlane = append(f.controlPlane, netip.PrefixFrom(address, address.BitLen()).String())
		}
	}
	slices.Sort(f.controlPlane)
	f.controlPlane = slices.Compact(f.controlPlane)
	if err == nil && len(c.Cluster.ControlPlane) == 0 && (!exists || len(f.controlPlane) == 0) {
		err = errors.New(
			"the Service default/kubernetes has no addresses: set opex:cluster.controlPlane to those of the API server",
		)
	}
	return err
}

func (f *facts) askMetricsServer(ctx context.Context, api client, _ Config) error {
	var service object
	exists, err := api.get(ctx, "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io", &service)
	f.foreignMetricsServer = exists && !service.ownedBy("metrics-server", "kube-system")
	return err
}

func (f *facts) askCRDs(ctx context.Context, api client, _ Config) error {
	var kind object
	exists, err := api.get(
		ctx, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/verticalpodautoscalers.autoscaling.k8s.io", &kind,
	)
	// What an earlier release of this program left behind (the chart keeps its kinds) is taken up again by the next
	// one.
	f.foreignCRDs = exists && !kind.ownedBy("vertical-pod-autoscaler", "vertical-pod-autoscaler")
	return err
}

func (f *facts) askChaosMesh(ctx context.Context, api client, _ Config) error {
	var controller object
	_, err := api.get(ctx, "/apis/apps/v1/namespaces/"+chaos.Namespace+"/deployments/"+chaos.Controller, &controller)
	f.chaosMesh = controller.Labels["helm.sh/chart"]
	return err
}

func (f *facts) askClaims(ctx context.Context, api client, c Config) error {
	var list struct {
		Items []struct {
			object
			Spec struct {
				StorageClassName string `json:"storageClassName"`
				Resources        struct {
					Requests map[string]resource.Quantity `json:"requests"`
				} `json:"resources"`
			} `json:"spec"`
		} `json:"items"`
	}
	_, err := api.get(ctx, "/api/v1/namespaces/"+c.Namespace+"/persistentvolumeclaims", &list)
	for _, item := range list.Items {
		f.claims[item.Name] = claim{class: item.Spec.StorageClassName, size: item.Spec.Resources.Requests["storage"]}
	}
	return err
}

// check finds what the stack asks of the cluster and cannot get.
func (f facts) check(problems *problem.List, c Config) {
	if c.Cluster.UID != "" && f.uid != c.Cluster.UID {
		problems.Add(
			"opex:cluster.uid", "context %q of %s leads to the cluster %s, expected is %s", c.Cluster.Context,
			c.Cluster.Kubeconfig, f.uid, c.Cluster.UID,
		)
	}
	for i, s := range c.Services {
		if s.Database == nil {
			continue
		}
		path := servicePath(i) + ".database."
		f.checkClaim(problems, path, "dataSize", s.Database.DataSize, s, backup.DataVolume)
		f.checkClaim(problems, path, "dumpSize", s.Database.DumpSize, s, backup.DumpVolume)
	}
}

// checkClaim refuses what no claim can become, instead of an update that ignores it.
func (f facts) checkClaim(problems *problem.List, path, key string, size spec.Quantity, s spec.Service, volume string) {
	name := spec.ClaimName(s, volume)
	there, exists := f.claims[name]
	if !exists {
		return
	}
	if want, err := resource.ParseQuantity(string(size)); err == nil && want.Cmp(there.size) < 0 {
		problems.Add(
			path+key, "is %s, and the claim %s has %s: a claim only grows. Set %s here", size, name,
			there.size.String(), there.size.String(),
		)
	}
	if class := s.Database.StorageClass; class != "" && class != there.class {
		problems.Add(
			path+"storageClass",
			"is %q, and the claim %s is of %q, which cannot change. Leave it, or move the data: a service of another name, its dump loaded there",
			class, name, there.class,
		)
	}
}

// identity is the cluster's: as found, else as the stack's file says.
func (f facts) identity(c Config) string {
	if f.uid != "" {
		return f.uid
	}
	return c.Cluster.UID
}

// controlPlaneOf are the CIDRs from which the API server's service proxy comes.
func (f facts) controlPlaneOf(c Config) []string {
	if len(c.Cluster.ControlPlane) > 0 {
		return c.Cluster.ControlPlane
	}
	return f.controlPlane
}

func sortedKeys[V any](all map[string]V) []string { return slices.Sorted(maps.Keys(all)) }
