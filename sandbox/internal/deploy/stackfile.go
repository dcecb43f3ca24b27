// Package deploy runs the Pulumi program on a target, such as a sandbox: the stack's own file with a small overlay, the
// real engine, and an environment in which plain `pulumi` and `kubectl` commands work.
package deploy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// stackFile is Pulumi.<stack>.yaml.
type stackFile struct {
	SecretsProvider string         `yaml:"secretsprovider,omitempty"`
	EncryptedKey    string         `yaml:"encryptedkey,omitempty"`
	EncryptionSalt  string         `yaml:"encryptionsalt,omitempty"`
	Config          map[string]any `yaml:"config"`
}

const (
	databasePasswords = "opex:databasePasswords"
	backupSecrets     = "opex:backupSecrets"
	// ServicesKey is the list of services.
	ServicesKey = "opex:services"
)

// SecretKeys are set by `pulumi config set --secret` and survive a new merge.
var SecretKeys = []string{databasePasswords, backupSecrets}

// MergeStackFile writes the stack's file over the defaults, with the overlay's values in place of its own, and with the
// secrets of the file that it replaces, which were encrypted under the same salt. Objects are merged key by key;
// everything else is replaced whole. As long as neither the stack's file nor the overlay changes, the merged file stays
// as it is, with what `pulumi config set` has written into it.
func MergeStackFile(stackPath, mergedPath, salt string, defaults, overlay map[string]any) error {
	stack, err := readStackFile(stackPath)
	if err != nil {
		return err
	}
	inputs, err := yaml.Marshal([]any{stack, salt, defaults, overlay})
	if err != nil {
		return err
	}
	digest := fmt.Sprintf("%x", sha256.Sum256(inputs))
	made, err := os.ReadFile(mergedPath + ".inputs")
	if _, missing := os.Stat(mergedPath); err == nil && missing == nil && string(made) == digest {
		return nil
	}
	before, err := readStackFile(mergedPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// The stack's own secrets belong to its own secrets provider, which is not asked here.
	merged := stackFile{EncryptionSalt: salt, Config: Merge(Merge(defaults, stack.Config), overlay)}
	for _, key := range SecretKeys {
		delete(merged.Config, key)
		if value, had := before.Config[key]; had {
			merged.Config[key] = value
		}
	}
	data, err := yaml.Marshal(merged)
	if err != nil {
		return err
	}
	note := fmt.Sprintf(
		"# Made by `make up` from %s and the settings for its cluster, and made anew when either changes.\n", stackPath,
	)
	if err := os.WriteFile(mergedPath+".new", append([]byte(note), data...), 0o600); err != nil {
		return err
	}
	if err := os.Rename(mergedPath+".new", mergedPath); err != nil {
		return err
	}
	return os.WriteFile(mergedPath+".inputs", []byte(digest), 0o600)
}

func readStackFile(path string) (stackFile, error) {
	var file stackFile
	err := ReadYAML(path, &file)
	return file, err
}

// ReadYAML reads a file into a struct or a map.
func ReadYAML(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Merge lays one object over another: objects are merged key by key, everything else is replaced whole.
func Merge(base, over map[string]any) map[string]any {
	merged := map[string]any{}
	for key, value := range base {
		merged[key] = value
	}
	for key, value := range over {
		below, isMap := merged[key].(map[string]any)
		above, bothMaps := value.(map[string]any)
		if isMap && bothMaps {
			value = Merge(below, above)
		}
		merged[key] = value
	}
	return merged
}

// Services lists the services of a stack: those that its config names, else the project's.
func Services(repo string, config map[string]any) ([]any, error) {
	if listed, is := config[ServicesKey].([]any); is {
		return listed, nil
	}
	var project struct {
		Config struct {
			Services struct{ Default []any }
		}
	}
	if err := ReadYAML(filepath.Join(repo, "Pulumi.yaml"), &project); err != nil {
		return nil, err
	}
	if len(project.Config.Services.Default) == 0 {
		return nil, fmt.Errorf("neither the stack's config nor %s/Pulumi.yaml lists services", repo)
	}
	return project.Config.Services.Default, nil
}
