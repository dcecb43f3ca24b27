// Command pulumi-resource-aws is an offline stand-in for the Pulumi provider of AWS: S3 buckets on a real S3 server, and the
// IAM resources around them. The engine starts it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/opex-project/opex/sandbox/plugins/aws"
)

func main() {
	if err := aws.Serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
