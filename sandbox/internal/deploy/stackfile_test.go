package deploy

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestMergeStackFile(t *testing.T) {
	stack := `encryptionsalt: v1:of-the-real-stack
secretsprovider: awskms://alias/opex
encryptedkey: abc
config:
  opex:environment: staging
  opex:cluster: {kubeconfig: ~/.kube/config, context: eks, extra: kept}
  opex:cost: {currency: EUR}
  opex:databasePasswords: {task-api: {secure: of-the-real-stack}}
`
	defaults := map[string]any{
		"opex:cost":    map[string]any{"currency": "USD", "prices": "sandbox"},
		"opex:cluster": map[string]any{"extra": "default"},
	}
	overlay := map[string]any{"opex:cluster": map[string]any{"kubeconfig": "/k", "context": "sandbox"}}
	for name, c := range map[string]struct {
		before        string
		wantPasswords any
	}{
		"first time takes no secret of the real stack": {},
		"later keeps the sandbox's secrets": {
			before:        "config:\n  opex:databasePasswords: {task-api: {secure: own}}\n  opex:cluster: {context: old}\n",
			wantPasswords: map[string]any{"task-api": map[string]any{"secure": "own"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stackPath, mergedPath := filepath.Join(t.TempDir(), "Pulumi.staging.yaml"), filepath.Join(
				t.TempDir(), "merged.yaml",
			)
			write(t, stackPath, stack)
			if c.before != "" {
				write(t, mergedPath, c.before)
			}
			if err := MergeStackFile(stackPath, mergedPath, "v1:salt", defaults, overlay); err != nil {
				t.Fatal(err)
			}
			merged, err := readStackFile(mergedPath)
			if err != nil {
				t.Fatal(err)
			}
			if merged.SecretsProvider != "" || merged.EncryptedKey != "" {
				t.Error("the real stack's secrets provider was taken over")
			}
			if merged.EncryptionSalt != "v1:salt" {
				t.Errorf("salt %q", merged.EncryptionSalt)
			}
			if !reflect.DeepEqual(merged.Config["opex:databasePasswords"], c.wantPasswords) {
				t.Errorf("passwords %v, want %v", merged.Config["opex:databasePasswords"], c.wantPasswords)
			}
			want := map[string]any{"kubeconfig": "/k", "context": "sandbox", "extra": "kept"}
			if !reflect.DeepEqual(merged.Config["opex:cluster"], want) {
				t.Errorf("cluster %v, want %v", merged.Config["opex:cluster"], want)
			}
			if cost := map[string]any{"currency": "EUR", "prices": "sandbox"}; !reflect.DeepEqual(
				merged.Config["opex:cost"], cost,
			) {
				t.Errorf("cost is %v, want %v", merged.Config["opex:cost"], cost)
			}
			if after, _ := os.ReadFile(stackPath); string(after) != stack {
				t.Error("the stack's own file was changed")
			}
		})
	}
}

func TestConfigSetOnTheSandboxLastsUntilTheStackFileChanges(t *testing.T) {
	stackPath, mergedPath := filepath.Join(t.TempDir(), "Pulumi.staging.yaml"), filepath.Join(
		t.TempDir(), "merged.yaml",
	)
	merge := func() any {
		t.Helper()
		if err := MergeStackFile(stackPath, mergedPath, "v1:salt", nil, map[string]any{"opex:a": "overlay"}); err != nil {
			t.Fatal(err)
		}
		merged, err := readStackFile(mergedPath)
		if err != nil {
			t.Fatal(err)
		}
		return merged.Config["opex:mine"]
	}
	write(t, stackPath, "config: {opex:environment: staging}\n")
	merge()
	write(t, mergedPath, "config: {opex:environment: staging, opex:mine: set}\n")
	if merge() != "set" {
		t.Error("what `pulumi config set` wrote was lost")
	}
	write(t, stackPath, "config: {opex:environment: production}\n")
	if merge() != nil {
		t.Error("a change of the stack's file did not make the merged file anew")
	}
}

func TestMergeStackFileRefusesABrokenFileAndKeepsTheMergedOne(t *testing.T) {
	stackPath, mergedPath := filepath.Join(t.TempDir(), "Pulumi.staging.yaml"), filepath.Join(
		t.TempDir(), "merged.yaml",
	)
	write(t, stackPath, "config: [not, a, map]")
	write(t, mergedPath, "config: {}\n")
	if err := MergeStackFile(stackPath, mergedPath, "v1:salt", nil, nil); err == nil {
		t.Error("accepted")
	}
	if err := MergeStackFile(filepath.Join(t.TempDir(), "missing"), mergedPath, "v1:salt", nil, nil); err == nil {
		t.Error("a missing file was accepted")
	}
	if after, _ := os.ReadFile(mergedPath); string(after) != "config: {}\n" {
		t.Errorf("the merged file was changed to %q", after)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
