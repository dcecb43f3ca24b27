// Package kube connects to the cluster that a stack's outputs name, and to no other.
package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/opex-project/opex/internal/contract"
)

// Cluster is a connection to a cluster whose identity was checked.
type Cluster struct {
	Client  kubernetes.Interface
	Dynamic dynamic.Interface // for kinds that come with engines
	Config  *rest.Config      // of both
	UID     string
}

// Connect opens the kubeconfig (empty: KUBECONFIG, else ~/.kube/config) at the context that the outputs name, and
// refuses a cluster whose kube-system namespace has another UID than theirs.
func Connect(ctx context.Context, kubeconfig string, want contract.Cluster) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: want.Context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf(
			"kubeconfig, context %q of the stack's outputs: %w. Choose the file with --kubeconfig or KUBECONFIG",
			want.Context, err,
		)
	}
	return tuned(ctx, config, want)
}

// ConnectInside opens the cluster in whose pod this runs, by the pod's ServiceAccount, and refuses any other than the
// outputs' one.
func ConnectInside(ctx context.Context, want contract.Cluster) (*Cluster, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("--in-cluster: %w", err)
	}
	return tuned(ctx, config, want)
}

// tuned connects with the command's limits.
func tuned(ctx context.Context, config *rest.Config, want contract.Cluster) (*Cluster, error) {
	Limit(config)
	return connect(ctx, config, want)
}

// Limit sets what fits a command that asks for all kinds at once. Questions do not grow with services, so it is far
// more than they need; what does grow, commands in containers, the client does not count.
func Limit(config *rest.Config) {
	config.Timeout = 30 * time.Second
	config.QPS, config.Burst = 50, 100
}

// On makes the clients of a connection. Which cluster it is, is not checked.
func On(config *rest.Config) (*Cluster, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	others, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{Client: client, Dynamic: others, Config: config}, nil
}

func connect(ctx context.Context, config *rest.Config, want contract.Cluster) (*Cluster, error) {
	cluster, err := On(config)
	if err != nil {
		return nil, err
	}
	system, err := cluster.Client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("cluster at %s (context %q): %w. %s", config.Host, want.Context, err,
			InContext(Next(err, "get namespaces, of kube-system, by which the cluster is known"), want.Context))
	}
	if string(system.UID) != want.UID {
		return nil, fmt.Errorf(
			"context %q leads to the cluster %s at %s; the stack lives on %s. Nothing was asked of it", want.Context,
			system.UID, config.Host, want.UID,
		)
	}
	cluster.UID = want.UID
	return cluster, nil
}

// ErrNoAnswer marks that a service inside the cluster could not be asked, or did not answer in time.
var ErrNoAnswer = errors.New("no answer")

// Getter asks an HTTP service inside the cluster; a Cluster is one.
type Getter interface {
	Get(ctx context.Context, at contract.Endpoint, path string, query url.Values) ([]byte, error)
}

// Get asks an HTTP service inside the cluster by way of the API server, so that a kubeconfig is all that is needed
// (right: get on services/proxy). An answer other than 2xx is an error with what the service said.
func (c *Cluster) Get(ctx context.Context, at contract.Endpoint, path string, query url.Values) ([]byte, error) {
	parameters := map[string]string{}
	for key := range query {
		parameters[key] = query.Get(key)
	}
	data, err := c.Client.CoreV1().Services(at.Namespace).
		ProxyGet("http", at.Service, strconv.Itoa(at.Port), path, parameters).DoRaw(ctx)
	if err == nil {
		return data, nil
	}
	who := fmt.Sprintf("service %s/%s:%d%s", at.Namespace, at.Service, at.Port, path)
	if apierrors.IsNotFound(err) || apierrors.IsServiceUnavailable(err) || ctx.Err() != nil ||
		apierrors.IsTimeout(err) {
		return nil, fmt.Errorf("%s: %w: %w%s", who, ErrNoAnswer, err, excerpt(data))
	}
	return nil, fmt.Errorf("%s: %w%s", who, err, excerpt(data))
}

// excerpt is what a service said of its failure: the message of JSON that has one, as OpenCost's and Prometheus's, or
// the body's start.
func excerpt(body []byte) string {
	var said struct{ Message, Error string }
	text := string(body)
	if json.Unmarshal(body, &said) == nil && said.Message+said.Error != "" {
		text = said.Message + said.Error
	}
	if text == "" {
		return ""
	}
	words := strings.Fields(text)
	for i, word := range words {
		if letters := []rune(word); len(letters) > longestWord {
			words[i] = string(letters[:longestWord-1]) + "…"
		}
	}
	return fmt.Sprintf(": %.400s", strings.Join(words, " "))
}

// longestWord is what is kept of an address with a whole query in it: the reason comes after it.
const longestWord = 100
