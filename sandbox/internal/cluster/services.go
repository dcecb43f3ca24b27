package cluster

import (
	"encoding/json"
	"errors"
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
	// HealthURL answers 200 while the service is alive.
	HealthURL string
}

// Services reads the services from the stack's outputs, by name.
func Services(s layout.Sandbox, outputs map[string]any) ([]Service, error) {
	var described map[string]struct {
		URL       string `json:"url"`
		HealthURL string `json:"healthUrl"`
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
		address, err := fromOutside(s, d.URL)
		health, healthErr := fromOutside(s, d.HealthURL)
		if err := errors.Join(err, healthErr); err != nil {
			return nil, fmt.Errorf("stack output services: %s: %w", name, err)
		}
		services = append(services, Service{Name: name, URL: address, HealthURL: health})
	}
	sort.Slice(services, func(i, j int) bool { return services[i].Name < services[j].Name })
	return services, nil
}

// fromOutside turns http://<service>.<namespace>.svc.cluster.local:<port>/<path> into the address on this machine.
func fromOutside(s layout.Sandbox, inside string) (string, error) {
	address, err := url.Parse(inside)
	if err != nil {
		return "", err
	}
	parts := strings.Split(address.Hostname(), ".")
	port, err := strconv.Atoi(address.Port())
	if err != nil || len(parts) < 3 || parts[2] != "svc" {
		return "", fmt.Errorf("%q is not http://<service>.<namespace>.svc...:<port>", inside)
	}
	return s.ServiceURL(parts[0], parts[1], port) + address.Path, nil
}
