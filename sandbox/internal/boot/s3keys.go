package boot

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// S3Keys are the root account's keys of the sandbox's S3 server.
type S3Keys struct{ Access, Secret string }

// S3KeysPath is the file that keeps them.
func S3KeysPath(s layout.Sandbox) string { return s.State("s3-keys.json") }

// ReadS3Keys reads the keys that the preparation of the sandbox made.
func ReadS3Keys(s layout.Sandbox) (S3Keys, error) {
	var keys S3Keys
	data, err := os.ReadFile(S3KeysPath(s))
	if err != nil {
		return keys, err
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		return keys, fmt.Errorf("%s: %w", S3KeysPath(s), err)
	}
	return keys, nil
}
