// Command pulumi-resource-aws is an offline stand-in for the Pulumi provider of AWS: S3 buckets on a real S3 server,
// and the IAM resources around them. The engine starts it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/opex-project/opex/sandbox/plugins/aws"
	"github.com/opex-project/opex/sandbox/plugins/wire"
)

func main() {
	if err := wire.Serve(context.Background(), "aws", aws.Version, aws.Provider()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-aws:", err)
		os.Exit(1)
	}
}
