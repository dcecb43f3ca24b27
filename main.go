// Command opex is the Pulumi program: see stacks.Deploy.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/stacks"
)

func main() {
	pulumi.Run(stacks.Deploy)
}
