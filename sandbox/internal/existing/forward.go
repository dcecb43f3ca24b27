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
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// forwardTimeout bounds the wait for the first connection to the store.
const forwardTimeout = 30 * time.Second

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
	ready := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		for began := false; ctx.Err() == nil; {
			opened := make(chan struct{})
			if !began {
				opened = ready
			}
			err := c.forwardOnce(ctx, store.Port, opened)
			select {
			case <-ready:
				began = true
			default:
				failed <- err
				return
			}
			time.Sleep(time.Second)
		}
	}()
	select {
	case <-ready:
		return nil
	case err := <-failed:
		return fmt.Errorf("%w: %w", ErrNoStore, err)
	case <-time.After(forwardTimeout):
		return fmt.Errorf("%w: no connection within %s", ErrNoStore, forwardTimeout)
	}
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

// forwardOnce forwards to the store's pod until the connection or the context ends. It closes opened once it listens.
func (c *Cluster) forwardOnce(ctx context.Context, port int, opened chan struct{}) error {
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
		dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("%d:%d", port, storePort)}, ctx.Done(), opened, io.Discard,
		io.Discard,
	)
	if err != nil {
		return err
	}
	return forwarder.ForwardPorts()
}
