package existing

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

const (
	// forwardTimeout bounds the wait for the store's first answer.
	forwardTimeout = 30 * time.Second
	// forwardAgain is the pause before a connection that ended is made anew.
	forwardAgain = time.Second
)

// ErrNoStore says that the store in the cluster cannot be reached.
var ErrNoStore = errors.New("the store for backups cannot be reached")

// Forward lets this machine reach the store at its port of 127.0.0.1 until the context ends, also after the store's pod
// was replaced. Where another command forwards the port already, it is left to that one.
func (c *Cluster) Forward(ctx context.Context, store Store) error {
	listener, err := net.Listen("tcp", store.address())
	if err != nil {
		if store.listens() {
			return nil
		}
		return fmt.Errorf("%s, by which the store is reached: %w; end what listens there", store.address(), err)
	}
	_ = listener.Close()
	failed := make(chan error, 1) // the newest attempt's
	go wait.UntilWithContext(ctx, func(ctx context.Context) {
		err := c.forwardOnce(ctx, store.Port)
		select {
		case failed <- err:
		default: // nobody waits any more
		}
	}, forwardAgain)
	last := errors.New("it does not answer")
	err = wait.PollUntilContextTimeout(ctx, forwardAgain/5, forwardTimeout, true, func(context.Context) (bool, error) {
		select {
		case last = <-failed:
		default:
		}
		return store.listens(), nil
	})
	if err != nil {
		return fmt.Errorf("%w within %s: %w", ErrNoStore, forwardTimeout, last)
	}
	return nil
}

func (s Store) address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// listens says whether the store itself answers at its port of this machine.
func (s Store) listens() bool {
	authority, err := os.ReadFile(s.CAFile)
	if err != nil {
		return false
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	connection, err := tls.DialWithDialer(dialer, "tcp", s.address(), &tls.Config{RootCAs: trusted})
	if err != nil {
		return false
	}
	return connection.Close() == nil
}

// forwardOnce forwards to the store's pod until the connection or the context ends.
func (c *Cluster) forwardOnce(ctx context.Context, port int) error {
	pods, err := c.client.CoreV1().Pods(storeNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + storeName})
	if err != nil {
		return err
	}
	running := ""
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil {
			running = pod.Name
		}
	}
	if running == "" {
		return errors.New("it has no running pod")
	}
	roundTripper, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return err
	}
	url := c.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(storeNamespace).Name(running).
		SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, url)
	forwarder, err := portforward.NewOnAddresses(
		dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("%d:%d", port, storePort)}, ctx.Done(), make(chan struct{}),
		io.Discard, io.Discard,
	)
	if err != nil {
		return err
	}
	return forwarder.ForwardPorts()
}
