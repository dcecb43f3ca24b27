package golang

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// environment is what the Go SDK reads to know its stack, its config and its engine. A value that is not set is left
// out.
func environment(req *pulumirpc.RunRequest, engine string) ([]string, error) {
	config := ""
	if req.GetConfig() != nil {
		text, err := json.Marshal(req.GetConfig())
		if err != nil {
			return nil, fmt.Errorf("pulumi-language-go: the stack's config: %w", err)
		}
		config = string(text)
	}
	secretKeys := req.GetConfigSecretKeys()
	if secretKeys == nil {
		secretKeys = []string{}
	}
	secret, err := json.Marshal(secretKeys)
	if err != nil {
		return nil, fmt.Errorf("pulumi-language-go: the keys of secret config: %w", err)
	}
	env := os.Environ()
	for _, v := range []struct{ name, value string }{
		{pulumi.EnvOrganization, req.GetOrganization()},
		{pulumi.EnvProject, req.GetProject()},
		{pulumi.EnvPulumiRootDirectory, req.GetInfo().GetRootDirectory()},
		{pulumi.EnvStack, req.GetStack()},
		{pulumi.EnvConfig, config},
		{pulumi.EnvConfigSecretKeys, string(secret)},
		{pulumi.EnvDryRun, strconv.FormatBool(req.GetDryRun())},
		{pulumi.EnvParallel, strconv.Itoa(int(req.GetParallel()))},
		{pulumi.EnvMonitor, req.GetMonitorAddress()},
		{pulumi.EnvEngine, engine},
	} {
		if v.value != "" {
			env = append(env, v.name+"="+v.value)
		}
	}
	return env, nil
}
