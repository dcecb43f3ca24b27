// Command pulumi-resource-kubernetes is the sandbox's offline stand-in for the official Pulumi plugin of that name.
// It prints its port on stdout, as the engine expects, and nothing else.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/opex-project/opex/sandbox/plugins/kubernetes"
	"k8s.io/klog/v2"
)

func main() {
	// The engine shows whatever a plugin writes to stderr; the libraries' own logs are of no use to its user.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	go endWithEngine(os.Getppid())
	if err := kubernetes.New().Run(context.Background(), kubernetes.Name, kubernetes.Version); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-kubernetes:", err)
		os.Exit(1)
	}
}

// endWithEngine ends the process when its engine was killed; the framework would notice after five minutes only. The
// broken connection has cancelled what was under way, which gets some seconds to note that.
func endWithEngine(engine int) {
	for os.Getppid() == engine {
		time.Sleep(time.Second)
	}
	time.Sleep(5 * time.Second)
	os.Exit(1)
}
