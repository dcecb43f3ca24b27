package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// ErrExit is a command in a container that ran and ended with another status than 0.
type ErrExit struct {
	Status int
	Said   string // on its standard error
}

// Error says the status and the last that the command said.
func (e ErrExit) Error() string {
	said := strings.TrimSpace(e.Said)
	if said == "" {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return fmt.Sprintf("exit status %d: %.500s", e.Status, said)
}

// Exec runs a command in a container (rights: create and get on pods/exec) and returns what it wrote. A status other
// than 0 is an ErrExit. It ends with the context; the command itself then goes on until it writes.
func (c *Cluster) Exec(
	ctx context.Context, namespace, pod, container string, command []string, stdin io.Reader,
) (stdout []byte, stderr string, err error) {
	var out, said bytes.Buffer
	err = c.Stream(ctx, namespace, pod, container, command, stdin, &out, &said)
	return out.Bytes(), said.String(), err
}

// Stream is Exec for a command that is talked with while it runs. A nil stdin is none.
func (c *Cluster) Stream(
	ctx context.Context, namespace, pod, container string, command []string, stdin io.Reader, stdout, stderr io.Writer,
) error {
	config := rest.CopyConfig(c.Config)
	config.Timeout = 0 // a command may take longer than a question
	target := c.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(
			&corev1.PodExecOptions{
				Container: container,
				Command:   command,
				Stdin:     stdin != nil,
				Stdout:    true,
				Stderr:    true,
			},
			scheme.ParameterCodec,
		).URL()
	executor, err := newExecutor(config, target)
	if err != nil {
		return fmt.Errorf("exec in pod %s/%s: %w", namespace, pod, err)
	}
	var said bytes.Buffer
	err = executor.StreamWithContext(
		ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout, Stderr: io.MultiWriter(stderr, &said)},
	)
	var status exec.CodeExitError
	if errors.As(err, &status) {
		err = ErrExit{Status: status.Code, Said: said.String()}
	}
	if err != nil {
		err = fmt.Errorf("%s in container %s of pod %s/%s: %w", command[0], container, namespace, pod, err)
	}
	return err
}

// newExecutor speaks WebSocket and, where something on the way does not, SPDY, as kubectl does.
func newExecutor(config *rest.Config, target *url.URL) (remotecommand.Executor, error) {
	webSocket, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, target.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, target)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(webSocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}
