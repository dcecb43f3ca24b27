// Command pulumi-resource-kubernetes is the official Pulumi plugin of that name, built from its Go module.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// version is set by the build: the version of the SDK that the Pulumi program uses, without the leading v.
var version string

func main() {
	schema, err := asset("schema.json")
	if err != nil {
		log.Fatal(err)
	}
	mapping, err := asset("terraform-mapping.json")
	if err != nil {
		log.Fatal(err)
	}
	// Upstream's release build adds the version to the schema, too.
	schema = bytes.Replace(schema, []byte("{"), fmt.Appendf(nil, "{\n    \"version\": %q,", version), 1)
	provider.Serve("kubernetes", version, schema, mapping)
}

// asset reads a file of the provider's module. The build copies these files beside this program.
func asset(name string) ([]byte, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(filepath.Dir(program), name))
}
