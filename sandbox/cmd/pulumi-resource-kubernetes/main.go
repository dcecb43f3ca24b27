// Command pulumi-resource-kubernetes is the sandbox's offline stand-in for the official Pulumi plugin of that name.
// It prints its port on stdout, as the engine expects, and nothing else.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"k8s.io/klog/v2"

	"github.com/opex-project/opex/sandbox/plugins/kubernetes"
	"github.com/opex-project/opex/sandbox/plugins/wire"
)

func main() {
	// The engine shows whatever a plugin writes to stderr; the libraries' own logs are of no use to its user.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if err := wire.Serve(context.Background(), kubernetes.Name, kubernetes.Version, kubernetes.New()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-kubernetes:", err)
		os.Exit(1)
	}
}
