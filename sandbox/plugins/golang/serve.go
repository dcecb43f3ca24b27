package golang

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// Serve answers the engine's calls on a free loopback port, which it prints on stdout as the engine expects, until ctx
// ends or the process that started this one is gone. Then the running program ends too.
func Serve(ctx context.Context, engine string, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	host := NewHost(engine)
	go endWithParent(ctx, cancel)
	closing := make(chan bool)
	context.AfterFunc(ctx, func() {
		host.Stop()
		close(closing)
	})
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: closing,
		Init: func(srv *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(srv, host)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("pulumi-language-go: %w", err)
	}
	if _, err := fmt.Fprintln(stdout, handle.Port); err != nil {
		return fmt.Errorf("pulumi-language-go: tell the engine the port: %w", err)
	}
	return <-handle.Done
}

// endWithParent calls cancel when the engine is gone. An engine that was killed cannot say so, and the kernel's death
// signal watches one thread of it, not the process; so ask every second.
func endWithParent(ctx context.Context, cancel func()) {
	parent := os.Getppid()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				cancel()
				return
			}
		}
	}
}
