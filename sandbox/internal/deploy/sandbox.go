package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opex-project/opex/sandbox/internal/boot"
	"github.com/opex-project/opex/sandbox/internal/charts"
	"github.com/opex-project/opex/sandbox/internal/cluster"
	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/pki"
)

// EnterSandbox puts this process, and so every command that it runs, into the environment of a sandbox: plain `pulumi`
// and `kubectl` then work on it, and the official chart repositories are answered for. The function that it returns
// leaves.
func EnterSandbox(s layout.Sandbox) (target Target, leave func() error, err error) {
	ca, err := pki.LoadAuthority(s.State("pki"), "ca")
	if err != nil {
		return Target{}, nil, err
	}
	trusted, err := writeTrusted(s, ca)
	if err != nil {
		return Target{}, nil, err
	}
	keys, err := boot.ReadS3Keys(s)
	if err != nil {
		return Target{}, nil, err
	}
	mirror, err := charts.Start(ca, charts.Repositories())
	if err != nil {
		return Target{}, nil, err
	}
	target = Target{
		Repo: s.Repo, Stack: s.Stack, Folder: s.State(), Kubeconfig: s.Kubeconfig(), Context: s.Name(),
		StoreKeys: &StoreKeys{Access: keys.Access, Secret: keys.Secret},
		Overlay: map[string]any{
			// Those that are built here at another version than the program's; the others have the names that it pins.
			"opex:images": map[string]any{"opencost": image.OpenCost, "prometheus": image.Prometheus},
			"opex:backup": StoreConfig(
				fmt.Sprintf("https://%s:%d", layout.NodeAddress(0), layout.S3Port),
				fmt.Sprintf("https://127.0.0.1:%d", s.Ports().S3), filepath.Join(s.State("pki"), "ca.crt"),
			),
		},
		Defaults: Prices(),
		Shell:    "make shell STACK=" + s.Stack,
		Environment: map[string]string{
			"PATH":        searchPath(s, os.Getenv("PATH")),
			"PULUMI_HOME": pulumiHome(s),
			"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",

			"HTTPS_PROXY": mirror.URL, "https_proxy": mirror.URL,
			"SSL_CERT_FILE": trusted,
		},
	}
	return target, mirror.Close, Enter(target)
}

// PrepareSandbox prepares the stack of a sandbox that was entered.
func PrepareSandbox(ctx context.Context, s layout.Sandbox, target Target) error {
	if err := os.MkdirAll(pulumiHome(s), 0o700); err != nil {
		return err
	}
	if err := installPlugins(s); err != nil {
		return err
	}
	uid, err := cluster.Kubectl(ctx, s, nil, "get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}")
	if err != nil {
		return err
	}
	target.UID = string(uid)
	return Prepare(ctx, target)
}

// StoreConfig is opex:backup for an S3-compatible store in place of AWS: its https:// address for pods and for this
// machine, and the file of its certificate authority. What the stack's file says about AWS is taken back.
func StoreConfig(url, publicURL, caFile string) map[string]any {
	return map[string]any{
		"region": "us-east-1", "account": "", "oidcProvider": "",
		"store": map[string]any{"url": url, "publicUrl": publicURL, "caFile": caFile},
	}
}

// Prices is config for nodes without a cloud: the prices per hour that OpenCost itself takes where it knows none (its
// configs/default.json).
func Prices() map[string]any {
	return map[string]any{"opex:cost": map[string]any{"prices": map[string]any{
		"cpuHour": 0.031611, "memoryGiBHour": 0.004237, "storageGiBHour": 0.000055, "gpuHour": 0.95,
	}}}
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
