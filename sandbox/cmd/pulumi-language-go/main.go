// Command pulumi-language-go is an offline stand-in for the Pulumi plugin that compiles and runs programs written in
// Go. The engine starts it with its own address, and reads the port to call from its first line of output.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/opex-project/opex/sandbox/plugins/golang"
)

func main() {
	version := flag.Bool("version", false, "print the version whose behaviour is followed, and exit")
	flag.String("tracing", "", "accepted for the engine's sake; no traces are sent")
	flag.Parse()
	if *version {
		fmt.Println(golang.Version)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := golang.Serve(ctx, flag.Arg(0), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
