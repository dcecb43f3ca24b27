package existing

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// serviceTimeout bounds the wait for a service's first answer; its pods are ready when it begins.
const serviceTimeout = time.Minute

// WaitServices waits until every service of the stack's outputs answers through the API server, and returns their names.
func (c *Cluster) WaitServices(ctx context.Context, outputs map[string]any) ([]string, error) {
	var described map[string]struct {
		HealthURL string `json:"healthUrl"`
	}
	data, err := json.Marshal(outputs["services"])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &described); err != nil {
		return nil, fmt.Errorf("stack output services: %w", err)
	}
	names := slices.Sorted(maps.Keys(described))
	if len(names) == 0 {
		return nil, fmt.Errorf("the stack has no output services: nothing shows that it serves anybody")
	}
	for _, name := range names {
		var last error
		err := wait.PollUntilContextTimeout(ctx, time.Second, serviceTimeout, true, func(ctx context.Context) (bool, error) {
			last = c.answers(ctx, described[name].HealthURL)
			return last == nil, nil
		})
		if err != nil {
			return nil, fmt.Errorf("service %s does not answer within %s: %w", name, serviceTimeout, last)
		}
	}
	return names, nil
}

// answers asks a URL such as http://task-api.staging.svc.cluster.local:8000/healthz through the API server.
func (c *Cluster) answers(ctx context.Context, inside string) error {
	address, err := url.Parse(inside)
	if err != nil {
		return err
	}
	parts := strings.Split(address.Hostname(), ".")
	if len(parts) < 3 || parts[2] != "svc" {
		return fmt.Errorf("%q is not http://<service>.<namespace>.svc...:<port>", inside)
	}
	_, err = c.client.CoreV1().Services(parts[1]).
		ProxyGet(address.Scheme, parts[0], address.Port(), address.Path, nil).DoRaw(ctx)
	return err
}
