package stacks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// client asks an API server.
type client struct {
	http   *http.Client
	server string
}

func newClient(c Cluster, folder string) (client, error) {
	path, err := c.path(folder)
	if err != nil {
		return client{}, err
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.Context}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: path}, overrides,
	).ClientConfig()
	if err != nil {
		return client{}, fmt.Errorf("context %q of %s: %w", c.Context, path, err)
	}
	config.Timeout = patience
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return client{}, fmt.Errorf("context %q of %s: %w", c.Context, path, err)
	}
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return client{}, fmt.Errorf("context %q of %s: %w", c.Context, path, err)
	}
	return client{http: transport, server: server.String()}, nil
}

// get reads what is at a path, and says whether anything is.
func (c client) get(ctx context.Context, path string, into any) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+path, nil)
	if err != nil {
		return false, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("the cluster could not be asked: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return false, err
	case response.StatusCode == http.StatusNotFound:
		return false, nil
	case response.StatusCode != http.StatusOK:
		return false, fmt.Errorf("the cluster answered %s to GET %s", response.Status, path)
	}
	return true, json.Unmarshal(body, into)
}
