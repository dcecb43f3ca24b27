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

	"github.com/opex-project/opex/sandbox/internal/boot"
	"github.com/opex-project/opex/sandbox/internal/charts"
	"github.com/opex-project/opex/sandbox/internal/cluster"
	"github.com/opex-project/opex/sandbox/internal/foreground"
	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/pki"
)

// Enter puts this process, and so every command that it runs, into the environment of a sandbox: plain `pulumi` and
// `kubectl` then work on it, and the official chart repositories are answered for. The function that it returns leaves.
func Enter(s layout.Sandbox) (leave func() error, err error) {
	ca, err := pki.LoadAuthority(s.State("pki"), "ca")
	if err != nil {
		return nil, err
	}
	mirror, err := charts.Start(ca, charts.Repositories())
	if err != nil {
		return nil, err
	}
	trusted, err := writeTrusted(s, ca)
	if err != nil {
		return nil, err
	}
	keys, err := boot.ReadS3Keys(s)
	if err != nil {
		return nil, err
	}
	var problems []error
	for key, value := range map[string]string{
		"PATH":       searchPath(s, os.Getenv("PATH")),
		"KUBECONFIG": s.Kubeconfig(), // for kubectl; the Pulumi program takes its cluster from the stack's config only

		"PULUMI_HOME":                                 pulumiHome(s),
		"PULUMI_BACKEND_URL":                          "file://" + s.State("pulumi"),
		"PULUMI_CONFIG_PASSPHRASE_FILE":               passphraseFile(s),
		"PULUMI_STACK":                                s.Stack,
		"PULUMI_OPTION_CONFIG_FILE":                   s.StackFile(),
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",

		"HTTPS_PROXY":   mirror.URL,
		"https_proxy":   mirror.URL,
		"SSL_CERT_FILE": trusted,
		"AWS_CA_BUNDLE": trusted, // the S3 server's certificate
		"CGO_ENABLED":   "0",     // as everything else is built here: what it shares is compiled once

		"AWS_ACCESS_KEY_ID":     keys.Access,
		"AWS_SECRET_ACCESS_KEY": keys.Secret,
	} {
		problems = append(problems, os.Setenv(key, value))
	}
	return mirror.Close, errors.Join(problems...)
}

// writeTrusted writes the certificates to trust: the machine's own and the sandbox's authority.
func writeTrusted(s layout.Sandbox, ca *pki.Authority) (string, error) {
	system := os.Getenv("SSL_CERT_FILE")
	if system == "" {
		system = "/etc/ssl/certs/ca-certificates.crt" // Debian's package ca-certificates
	}
	trusted, err := os.ReadFile(system)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	path, fresh := s.State("trusted.crt"), s.State(fmt.Sprintf("trusted.crt.%d", os.Getpid()))
	if err := os.WriteFile(fresh, append(trusted, ca.CertPEM...), 0o644); err != nil {
		return "", err
	}
	return path, os.Rename(fresh, path) // another command may be reading it
}

// Prepare makes what Pulumi needs in a sandbox that was entered: its folders, the passphrase, the merged stack file,
// the stack and its secrets.
func Prepare(ctx context.Context, s layout.Sandbox) error {
	for _, folder := range []string{pulumiHome(s), s.State("pulumi")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	if err := installPlugins(s); err != nil {
		return err
	}
	if err := makeOnce(passphraseFile(s)); err != nil {
		return err
	}
	uid, err := cluster.Kubectl(ctx, s, nil, "get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}")
	if err != nil {
		return err
	}
	overlay := map[string]any{
		"opex:cluster": map[string]any{"kubeconfig": s.Kubeconfig(), "context": s.Name(), "uid": string(uid)},
		// Those that are built here at another version than the program's; the others have the names that it pins.
		"opex:images": map[string]any{"opencost": image.OpenCost, "prometheus": image.Prometheus},
		"opex:backup": store(s),
	}
	// No cloud stands behind the node: the prices per hour that OpenCost itself takes for want of any (its
	// configs/default.json).
	defaults := map[string]any{"opex:cost": map[string]any{"prices": map[string]any{
		"cpuHour": 0.031611, "memoryGiBHour": 0.004237, "storageGiBHour": 0.000055, "gpuHour": 0.95,
	}}}
	salt, err := makeStack(ctx, s)
	if err != nil {
		return err
	}
	if err := MergeStackFile(filepath.Join(s.Repo, stackFileName(s)), s.StackFile(), salt, defaults, overlay); err != nil {
		return err
	}
	return setSecrets(ctx, s)
}

// store is the sandbox's S3 server in place of AWS. What the stack's file says of AWS is taken back.
func store(s layout.Sandbox) map[string]any {
	return map[string]any{
		"region": "us-east-1", "account": "", "oidcProvider": "",
		"store": map[string]any{
			"url":       fmt.Sprintf("https://%s:%d", layout.NodeAddress(0), layout.S3Port),
			"publicUrl": fmt.Sprintf("https://127.0.0.1:%d", s.Ports().S3),
			"caFile":    filepath.Join(s.State("pki"), "ca.crt"),
		},
	}
}

// setSecrets draws the stack's secrets once. They go through standard input: an argument could be read in the process
// list.
func setSecrets(ctx context.Context, s layout.Sandbox) error {
	merged, err := readStackFile(s.StackFile())
	if err != nil {
		return err
	}
	keys, err := boot.ReadS3Keys(s)
	if err != nil {
		return err
	}
	for _, secret := range []struct{ key, path, value string }{
		{databasePasswords, "task-api", randomHex()},
		{backupSecrets, "repositoryPassword", randomHex()},
		{backupSecrets, "accessKey", keys.Access},
		{backupSecrets, "secretKey", keys.Secret},
	} {
		if had, _ := merged.Config[secret.key].(map[string]any); had[secret.path] != nil {
			continue
		}
		if _, err := Pulumi(ctx, s, secret.value, "config", "set", "--secret", "--path", secret.key+"."+secret.path); err != nil {
			return err
		}
	}
	return nil
}

// makeStack makes the stack once and returns the salt of its secrets. It is made in a folder of its own, since Pulumi
// writes the salt into the stack's file beside Pulumi.yaml, and the repository's must not hold what belongs to one
// sandbox.
func makeStack(ctx context.Context, s layout.Sandbox) (salt string, err error) {
	project := s.State("project")
	made := filepath.Join(project, stackFileName(s))
	if _, err := os.Stat(made); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(project, 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(project, "Pulumi.yaml"), []byte("name: opex\nruntime: go\n"), 0o600); err != nil {
			return "", err
		}
		if _, err := Pulumi(ctx, s, "", "stack", "init", s.Stack, "--cwd", project); err != nil {
			return "", err
		}
	}
	file, err := readStackFile(made)
	return file.EncryptionSalt, err
}

func stackFileName(s layout.Sandbox) string { return "Pulumi." + s.Stack + ".yaml" }

// Up runs `pulumi up`; its output goes where people look. An up that was killed is first made good.
func Up(ctx context.Context, s layout.Sandbox) error {
	interrupted, err := wasInterrupted(ctx, s)
	if err != nil {
		return err
	}
	if interrupted {
		fmt.Fprintln(
			os.Stderr, "An earlier update was interrupted; what it had created without noting it is taken over first.",
		)
		if err := up(s, takeOver...); err != nil {
			return err
		}
		// What was pending is in the state now.
		if _, err := Pulumi(ctx, s, "", "refresh", "--yes", "--skip-preview", "--clear-pending-creates"); err != nil {
			return err
		}
	}
	return up(s)
}

func up(s layout.Sandbox, settings ...string) error {
	command := exec.Command(
		"pulumi", "up", "--yes", "--skip-preview", "--suppress-permalink=true", "--suppress-outputs",
	)
	command.Env = append(os.Environ(), settings...)
	command.Dir, command.Stdout, command.Stderr = s.Repo, os.Stderr, os.Stderr
	if err := foreground.Run(command); err != nil {
		return fmt.Errorf(
			"pulumi up: %w; the lines above say why. `make shell` opens a shell in which `pulumi up` runs again", err,
		)
	}
	return nil
}

// Outputs returns the stack's outputs.
func Outputs(ctx context.Context, s layout.Sandbox) (map[string]any, error) {
	data, err := Pulumi(ctx, s, "", "stack", "output", "--json")
	if err != nil {
		return nil, err
	}
	var outputs map[string]any
	return outputs, json.Unmarshal(data, &outputs)
}

// Pulumi runs a pulumi command and returns what it prints on standard output.
func Pulumi(ctx context.Context, s layout.Sandbox, in string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "pulumi", append(args, "--non-interactive")...)
	command.Dir, command.Stdin = s.Repo, strings.NewReader(in)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("pulumi %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

func passphraseFile(s layout.Sandbox) string { return s.State("passphrase") }

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
