package stacks

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/internal/contract"
)

// Deploy declares everything that the stack's config asks for. It is the whole program.
func Deploy(ctx *pulumi.Context) error {
	config, err := loadFromPulumi(ctx)
	if err != nil {
		return err
	}
	objects, err := watch(ctx)
	if err != nil {
		return err
	}
	cluster, found, err := connect(ctx, config)
	if err != nil {
		return err
	}
	s := stack{ctx: ctx, config: config, found: found, cluster: cluster}
	if s.namespace, err = s.newNamespace(); err != nil {
		return err
	}
	engines, err := s.installEngines()
	if err != nil {
		return err
	}
	services, err := s.deployServices(engines)
	if err != nil {
		return err
	}
	if err := s.installExporter(engines, services); err != nil {
		return err
	}
	outputs := s.outputs(engines, services)
	if ctx.DryRun() {
		outputs[contract.OutputServices] = objects.reviewed(ctx, services)
	}
	for name, output := range outputs {
		ctx.Export(name, output)
	}
	return nil
}

// stack is what all parts of a deployment share.
type stack struct {
	ctx       *pulumi.Context
	config    Config
	found     facts
	cluster   *kubernetes.Provider
	namespace *corev1.Namespace // of all services
}

// component are the options of a component that waits for others.
func (s stack) component(after ...pulumi.Resource) []pulumi.ResourceOption {
	return []pulumi.ResourceOption{
		pulumi.Providers(s.cluster), pulumi.Protect(s.config.protected()), pulumi.DependsOn(after),
	}
}

// object are the options of an object of the stack's own.
func (s stack) object() []pulumi.ResourceOption {
	return []pulumi.ResourceOption{pulumi.Provider(s.cluster), pulumi.Protect(s.config.protected())}
}

// engineArgs are those that all engines share.
func (s stack) engineArgs() platform.EngineArgs {
	c := s.config
	return platform.EngineArgs{
		Owner: c.Platform, Environment: c.Environment, Images: c.Images, Charts: c.Charts, Nodes: c.Nodes, Protect: c.protected(),
	}
}

// loadFromPulumi reads the config as a whole from where Pulumi puts it. Asked key by key, a misspelt key would go
// unseen.
func loadFromPulumi(ctx *pulumi.Context) (Config, error) {
	var values map[string]string
	var secretKeys []string
	for name, into := range map[string]any{pulumi.EnvConfig: &values, pulumi.EnvConfigSecretKeys: &secretKeys} {
		if text := os.Getenv(name); text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return Config{}, fmt.Errorf(
					"opex: Pulumi handed over a config in %s that is not the expected JSON; another version of Pulumi?",
					name,
				)
			}
		}
	}
	return Load(values, secretKeys, ctx.RootDirectory())
}
