package deploy

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/opex-project/opex/sandbox/internal/foreground"
)

// Enter puts this process, and so every command that it runs, into the target's environment.
func Enter(t Target) error {
	problems := []error{
		os.MkdirAll(t.State("tmp"), 0o700),
		os.Unsetenv("PULUMI_CONFIG_PASSPHRASE"), // Pulumi would take it in place of the target's own file
	}
	for name, value := range t.Environ() {
		problems = append(problems, os.Setenv(name, value))
	}
	return errors.Join(problems...)
}

// Prepare makes what Pulumi needs on a target that was entered: its folders, the passphrase, the merged stack file, the
// stack and its secrets.
func Prepare(ctx context.Context, t Target) error {
	if err := os.MkdirAll(t.State("pulumi"), 0o700); err != nil {
		return err
	}
	if err := makeOnce(t.passphraseFile()); err != nil {
		return err
	}
	salt, err := makeStack(ctx, t)
	if err != nil {
		return err
	}
	cluster := map[string]any{"opex:cluster": map[string]any{
		"kubeconfig": t.Kubeconfig, "context": t.Context, "uid": t.UID,
	}}
	overlay := Merge(t.Overlay, cluster)
	if err := MergeStackFile(filepath.Join(t.Repo, t.stackFileName()), t.StackFile(), salt, t.Defaults, overlay); err != nil {
		return err
	}
	return setSecrets(ctx, t)
}

// setSecrets draws the stack's secrets once. They go through standard input: an argument could be read in the process
// list.
func setSecrets(ctx context.Context, t Target) error {
	merged, err := readStackFile(t.StackFile())
	if err != nil {
		return err
	}
	type secret struct{ key, path, value string }
	secrets := []secret{{backupSecrets, "repositoryPassword", randomHex()}}
	services, err := databases(t.Repo, merged)
	if err != nil {
		return err
	}
	for _, service := range services {
		secrets = append(secrets, secret{databasePasswords, service, randomHex()})
	}
	if t.StoreKeys != nil {
		secrets = append(secrets,
			secret{backupSecrets, "accessKey", t.StoreKeys.Access}, secret{backupSecrets, "secretKey", t.StoreKeys.Secret})
	}
	for _, secret := range secrets {
		if had, _ := merged.Config[secret.key].(map[string]any); had[secret.path] != nil {
			continue
		}
		if _, err := Pulumi(ctx, t, secret.value, "config", "set", "--secret", "--path", secret.key+"."+secret.path); err != nil {
			return err
		}
	}
	return nil
}

// databases names the services that have a database of their own: those of the merged stack file, else the project's.
func databases(repo string, merged stackFile) ([]string, error) {
	listed, err := Services(repo, merged.Config)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range listed {
		service, _ := entry.(map[string]any)
		name, _ := service["name"].(string)
		if _, has := service["database"].(map[string]any); has && name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// makeStack makes the stack once and returns the salt of its secrets. It is made in a folder of its own, since Pulumi
// writes the salt into the stack's file beside Pulumi.yaml, and the repository's must not hold what belongs to one
// target.
func makeStack(ctx context.Context, t Target) (salt string, err error) {
	project := t.State("project")
	made := filepath.Join(project, t.stackFileName())
	if _, err := os.Stat(made); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(project, 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(project, "Pulumi.yaml"), []byte("name: opex\nruntime: go\n"), 0o600); err != nil {
			return "", err
		}
		if _, err := Pulumi(ctx, t, "", "stack", "init", t.Stack, "--cwd", project); err != nil {
			return "", err
		}
	}
	file, err := readStackFile(made)
	return file.EncryptionSalt, err
}

// Up runs `pulumi up`; its output goes where people look. An up that was killed is first made good.
func Up(ctx context.Context, t Target) error {
	interrupted, err := wasInterrupted(ctx, t)
	if err != nil {
		return err
	}
	if interrupted {
		fmt.Fprintln(
			os.Stderr, "An earlier update was interrupted; what it had created without noting it is taken over first.",
		)
		if err := up(t, takeOver...); err != nil {
			return err
		}
		// What was pending is in the state now.
		if _, err := Pulumi(ctx, t, "", "refresh", "--yes", "--skip-preview", "--clear-pending-creates"); err != nil {
			return err
		}
	}
	return up(t)
}

func up(t Target, settings ...string) error {
	command := exec.Command(
		"pulumi", "up", "--yes", "--skip-preview", "--suppress-permalink=true", "--suppress-outputs",
	)
	command.Env = append(os.Environ(), settings...)
	command.Dir, command.Stdout, command.Stderr = t.Repo, os.Stderr, os.Stderr
	if err := foreground.Run(command); err != nil {
		return fmt.Errorf(
			"pulumi up: %w; the lines above say why. `%s` opens a shell in which `pulumi up` runs again", err, t.Shell,
		)
	}
	return nil
}

// Destroy runs `pulumi destroy`; its output goes where people look.
func Destroy(ctx context.Context, t Target) error {
	if _, err := os.Stat(t.State("project", t.stackFileName())); errors.Is(err, fs.ErrNotExist) {
		return nil // no stack was made
	}
	if _, err := wasInterrupted(ctx, t); err != nil {
		return err
	}
	command := exec.Command("pulumi", "destroy", "--yes", "--skip-preview", "--suppress-permalink=true")
	command.Dir, command.Stdout, command.Stderr = t.Repo, os.Stderr, os.Stderr
	if err := foreground.Run(command); err != nil {
		return fmt.Errorf("pulumi destroy: %w; the lines above say why, and it can be run again", err)
	}
	return nil
}

// Outputs returns the stack's outputs.
func Outputs(ctx context.Context, t Target) (map[string]any, error) {
	data, err := Pulumi(ctx, t, "", "stack", "output", "--json")
	if err != nil {
		return nil, err
	}
	var outputs map[string]any
	err = json.Unmarshal(data, &outputs)
	return outputs, err
}

// Pulumi runs a pulumi command and returns what it prints on standard output.
func Pulumi(ctx context.Context, t Target, in string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "pulumi", append(args, "--non-interactive")...)
	command.Dir, command.Stdin = t.Repo, strings.NewReader(in)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("pulumi %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

func makeOnce(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, []byte(randomHex()), 0o600)
}

// randomHex returns 32 hexadecimal digits.
func randomHex() string {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return hex.EncodeToString(secret)
}
