package deploy

import "path/filepath"

// Target is a stack on a cluster, with a folder for Pulumi's state. Neither the stack's own file nor the user's Pulumi
// account is changed.
type Target struct {
	// Repo is the absolute path of the repository, Stack the stack's name, and Folder an absolute path of the target's
	// own.
	Repo, Stack, Folder string
	// Kubeconfig is a file with the context by which the cluster is reached.
	Kubeconfig, Context string
	// UID identifies the cluster: that of its namespace kube-system. Prepare pins it in the stack's file.
	UID string
	// Defaults lie below the stack's file, Overlay above it: config by its full keys.
	Defaults, Overlay map[string]any
	// StoreKeys belong to the S3-compatible store that backups go to; nil where the bucket is AWS'.
	StoreKeys *StoreKeys
	// Environment is what Pulumi and opex need beside what Environ sets.
	Environment map[string]string
	// Shell is the command that opens a shell on the target.
	Shell string
}

// StoreKeys are the keys of an S3-compatible store.
type StoreKeys struct{ Access, Secret string }

// State is a path in the target's folder.
func (t Target) State(parts ...string) string {
	return filepath.Join(append([]string{t.Folder}, parts...)...)
}

// StackFile is what Pulumi reads: the stack's file between Defaults and Overlay.
func (t Target) StackFile() string { return t.State(t.stackFileName()) }

func (t Target) stackFileName() string { return "Pulumi." + t.Stack + ".yaml" }

func (t Target) passphraseFile() string { return t.State("passphrase") }

// Environ returns the variables by which plain `pulumi`, `kubectl` and `opex` commands work on the target.
func (t Target) Environ() map[string]string {
	variables := map[string]string{
		"KUBECONFIG": t.Kubeconfig, // for kubectl and opex; the Pulumi program takes its cluster from the stack's config

		"PULUMI_BACKEND_URL":            "file://" + t.State("pulumi"),
		"PULUMI_CONFIG_PASSPHRASE_FILE": t.passphraseFile(),
		"PULUMI_STACK":                  t.Stack,
		"PULUMI_OPTION_CONFIG_FILE":     t.StackFile(),
		"PULUMI_SKIP_UPDATE_CHECK":      "true",
		// The Kubernetes provider leaves a kubeconfig with its keys there at each run (v4.30.0, writeKubeconfigToFile).
		"TMPDIR":      t.State("tmp"),
		"CGO_ENABLED": "0", // as everything else is built here: what it shares is compiled once
	}
	for name, value := range t.Environment {
		variables[name] = value
	}
	return variables
}
