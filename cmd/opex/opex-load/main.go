// Command opex-load makes the load of a Game Day, in a pod of the cluster. `opex gameday` starts and commands it; nobody else needs to.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/opex-project/opex/cmd/opex/internal/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Who does not listen any more must not end it before it has deleted what it wrote.
	signal.Ignore(syscall.SIGPIPE)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "wait": // what keeps the pod alive
		<-ctx.Done()
	case len(os.Args) == 2 && os.Args[1] == "attack":
		if err := load.Generate(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "opex-load: "+err.Error())
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "opex-load: want one argument, wait or attack")
		os.Exit(2)
	}
}
