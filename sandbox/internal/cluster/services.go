package cluster

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// Service is a service of the stack, as the host reaches it.
type Service struct {
	Name string
	// URL is its address on this machine.
	URL string
	// HealthPath answers 200 while the service is alive.
	HealthPath string
}

// Services reads the services from the stack's outputs, by name.
func Services(s layout.Sandbox, outputs map[string]any) ([]Service, error) {
	var described map[string]struct {
		URL        string `json:"url"`
		HealthPath string `json:"healthPath"`
	}
	data, err := json.Marshal(outputs["services"])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &described); err != nil {
		return nil, fmt.Errorf("stack output services: %w", err)
	}
	var services []Service
	for name, d := range described {
		inside, err := url.Parse(d.URL)
		if err != nil {
			return nil, fmt.Errorf("stack output services: %s: %w", name, err)
		}
		parts := strings.Split(inside.Hostname(), ".")
		port, err := strconv.Atoi(inside.Port())
		if err != nil || len(parts) < 2 {
			return nil, fmt.Errorf("stack output services: %s: %q is not http://<service>.<namespace>.svc...:<port>", name, d.URL)
		}
		services = append(services, Service{Name: name, URL: s.ServiceURL(parts[0], parts[1], port), HealthPath: d.HealthPath})
	}
	sort.Slice(services, func(i, j int) bool { return services[i].Name < services[j].Name })
	return services, nil
}
