// Command opex-load makes the load of a Game Day, in a pod of the cluster. `opex gameday` starts and commands it;
// nobody else needs to.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/load"
)

// endOthers tells the attacks in this pod that it is ending, and waits for them: with the pod's first process all
// others die at once, and what they wrote would stay in the service.
func endOthers() {
	_ = syscall.Kill(-1, syscall.SIGTERM) // all but this one
	for len(others()) > 0 {               // at most until the pod's grace is over
		time.Sleep(100 * time.Millisecond)
	}
}

// others are the processes in this pod but this one.
func others() []string {
	all, _ := filepath.Glob("/proc/[0-9]*")
	return slices.DeleteFunc(all, func(path string) bool { return path == fmt.Sprintf("/proc/%d", os.Getpid()) })
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Who does not listen any more must not end it before it has deleted what it wrote.
	signal.Ignore(syscall.SIGPIPE)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "wait": // what keeps the pod alive
		<-ctx.Done()
		endOthers()
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
