package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/opex-project/opex/internal/contract"
)

// Answer is what an HTTP service inside the cluster said, whatever its status.
type Answer struct {
	Status   int
	Location string // path and query on the service, from the header of that name
	Body     []byte
}

// Request asks an HTTP service inside the cluster by way of the API server, as Get does, with any method (right: the
// verb that belongs to it on services/proxy). A body is sent as JSON. Any status is an answer, but ErrNoAnswer where
// the API server could not reach the service.
func (c *Cluster) Request(
	ctx context.Context, method string, at contract.Endpoint, path string, body []byte,
) (Answer, error) {
	who := fmt.Sprintf("%s of service %s/%s:%d%s", method, at.Namespace, at.Service, at.Port, path)
	client, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return Answer{}, err
	}
	proxy := c.Client.CoreV1().RESTClient().Get().Namespace(at.Namespace).Resource("services").
		Name("http:" + at.Service + ":" + strconv.Itoa(at.Port)).SubResource("proxy").URL()
	proxy.RawQuery = "" // the client's own time limit, which is no concern of the service
	target := strings.TrimSuffix(proxy.String(), "/") + "/" + strings.TrimPrefix(path, "/")
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", who, err)
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w: %w", who, ErrNoAnswer, err)
	}
	defer response.Body.Close()
	answer := Answer{Status: response.StatusCode}
	if answer.Body, err = io.ReadAll(response.Body); err != nil {
		return Answer{}, fmt.Errorf("%s: %w: %w", who, ErrNoAnswer, err)
	}
	if bytes.Contains(answer.Body, []byte(`"kind":"Status"`)) && answer.Status >= 400 {
		// The API server itself speaks: there is no such Service, no endpoint behind it, or no right.
		return answer, fmt.Errorf("%s: %w: status %d%s", who, ErrNoAnswer, answer.Status, excerpt(answer.Body))
	}
	answer.Location, err = onService(response.Header.Get("Location"), proxy.Path)
	if err != nil {
		return answer, fmt.Errorf("%s: header Location: %w", who, err)
	}
	return answer, nil
}

// onService undoes what the API server's proxy does to addresses that a service names.
func onService(location, proxyPath string) (string, error) {
	if location == "" {
		return "", nil
	}
	read, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	path := strings.TrimPrefix(read.RequestURI(), strings.TrimSuffix(proxyPath, "/"))
	if !strings.HasPrefix(path, "/") {
		return "", errors.New("no path: " + location)
	}
	return path, nil
}
