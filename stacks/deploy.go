package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/review"
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
	provider, clusterUID, err := connect(ctx, config.Cluster)
	if err != nil {
		return err
	}

	controlPlane, err := components.GetControlPlane(ctx, "control-plane", pulumi.Provider(provider))
	if err != nil {
		return err
	}
	annotations := map[string]string{}
	if config.Chaos.Enabled {
		maps.Copy(annotations, components.TargetAnnotations())
	}
	if !config.Size.Enabled {
		annotations[review.AnnotationUnadvised] = "opex:size is not enabled" // or the review would ask for advice
	}
	namespace, err := components.NewNamespace(ctx, "namespace", config.Namespace, namespaceLabels(config), annotations,
		pulumi.Provider(provider), pulumi.Protect(config.profile().protectData))
	if err != nil {
		return err
	}

	engine := components.EngineArgs{Owner: config.Platform, Environment: config.Environment, Images: config.Images}
	on := pulumi.Providers(provider)
	outputs, dashboards := pulumi.Map{}, pulumi.Map{}
	var watches []components.BackupWatch
	if config.Backup.Enabled {
		for _, spec := range config.Services {
			watches = append(watches, components.WatchOf(spec, config.Namespace)...)
		}
	}
	var costs []pulumi.Resource
	if config.Cost.Enabled {
		args := &components.CostVisibilityArgs{EngineArgs: engine, Cost: config.Cost, Namespaces: []string{config.Namespace}, Backups: watches,
			Proof: config.Exporter.Enabled}
		for _, spec := range config.Services {
			args.Scrapes = append(args.Scrapes, components.ScrapeOf(spec, config.Namespace)...)
		}
		if config.Backup.Enabled {
			args.Scrapes = append(args.Scrapes, components.VeleroScrape())
		}
		if config.Exporter.Enabled {
			args.Scrapes = append(args.Scrapes, components.ExporterScrape())
		}
		cost, err := components.NewCostVisibility(ctx, "cost", args, on)
		if err != nil {
			return err
		}
		outputs[contract.OutputCost] = cost.Cost
		dashboards["cost"] = cost.Dashboard
		costs = append(costs, cost)
	}
	var advisor []pulumi.Resource
	if config.Size.Enabled {
		size, err := components.NewSizeAdvisor(ctx, "size", &components.SizeAdvisorArgs{EngineArgs: engine, MetricsServer: config.Size.MetricsServer}, on)
		if err != nil {
			return err
		}
		outputs[contract.OutputSize] = size.Size
		advisor = append(advisor, size)
	}
	var vault []pulumi.Resource
	if config.Backup.Enabled {
		file, certificate, err := config.storeCertificate(ctx.RootDirectory())
		if err != nil {
			return err
		}
		backup, err := components.NewBackupVault(ctx, "backup", &components.BackupVaultArgs{
			EngineArgs: engine, Vault: config.Backup, Secrets: config.BackupSecrets, CAFile: file, CACertificate: certificate,
			Keep: config.profile().protectData, Watches: watches,
		}, on)
		if err != nil {
			return err
		}
		outputs[contract.OutputBackup] = backup.Vault
		dashboards["backup"] = backup.Dashboard
		vault = append(vault, backup)
	}
	var lab []pulumi.Resource
	if config.Chaos.Enabled {
		chaos, err := components.NewChaosLab(ctx, "chaos", &components.ChaosLabArgs{
			EngineArgs: engine, RuntimeSocket: config.Chaos.RuntimeSocket, Target: config.Namespace,
		}, on, pulumi.DependsOn([]pulumi.Resource{namespace}))
		if err != nil {
			return err
		}
		outputs[contract.OutputChaos] = chaos.Lab
		lab = append(lab, chaos)
	}
	judged := slices.Concat(costs, advisor, vault, lab)
	services := pulumi.Map{}
	for _, spec := range config.Services {
		args := &components.CostLabeledAppArgs{
			Service:     spec,
			Environment: config.Environment,
			Namespace:   namespace.Name(),

			ControlPlane: controlPlane,
		}
		if spec.Database != nil {
			password := config.DatabasePasswords[spec.Name]
			digest, err := passwordDigest(password, config.Namespace, spec.Name)
			if err != nil {
				return err
			}
			args.DatabasePassword = pulumi.ToSecret(pulumi.String(password)).(pulumi.StringOutput)
			args.DatabasePasswordDigest = digest
		}
		app, err := components.NewCostLabeledApp(ctx, spec.Name, args, on)
		if err != nil {
			return err
		}
		service := app.Service
		if config.Size.Enabled {
			sizing, err := components.NewRightSizing(ctx, spec.Name+"-size", &components.RightSizingArgs{
				Service: spec, Environment: config.Environment, Namespace: namespace.Name(),
			}, on, pulumi.DependsOn(append(advisor, app)))
			if err != nil {
				return err
			}
			service = with(service, "verticalPodAutoscalers", sizing.VerticalPodAutoscalers)
		}
		switch {
		case spec.Backup.Waived != "":
			service = with(service, "noBackup", pulumi.String(spec.Backup.Waived))
		case config.Backup.Enabled:
			plan, err := components.NewBackupPlan(ctx, spec.Name+"-backup", &components.BackupPlanArgs{
				Service: spec, Environment: config.Environment, Namespace: config.Namespace,
			}, on, pulumi.DependsOn(append(vault, app)))
			if err != nil {
				return err
			}
			service = with(service, "backup", plan.Plan)
		}
		switch {
		case spec.Chaos.Waived != "":
			service = with(service, "noChaos", pulumi.String(spec.Chaos.Waived))
		case config.Chaos.Enabled:
			experiment, err := components.NewChaosExperiment(ctx, spec.Name+"-chaos", &components.ChaosExperimentArgs{
				Service: spec, Environment: config.Environment, Namespace: namespace.Name(),
			}, on, pulumi.DependsOn(append(lab, app)))
			if err != nil {
				return err
			}
			service = with(service, "chaos", experiment.Plan)
		}
		services[spec.Name] = service
	}
	outputs[contract.OutputServices] = services
	if config.Exporter.Enabled {
		exporter, err := newExporter(ctx, config, engine, identified(config, clusterUID, outputs), append(judged, namespace), on)
		if err != nil {
			return err
		}
		dashboards["proof"] = exporter.Dashboard
	}
	if len(dashboards) > 0 {
		outputs[contract.OutputDashboards] = dashboards
	}
	if ctx.DryRun() {
		outputs[contract.OutputServices] = objects.reviewed(ctx, services)
	}

	for name, output := range identified(config, clusterUID, outputs) {
		ctx.Export(name, output)
	}
	return nil
}

// newExporter declares what judges the stack, by the same outputs that everybody reads. It comes after the engines, whose namespaces it may
// look into.
func newExporter(ctx *pulumi.Context, c Config, engine components.EngineArgs, outputs pulumi.Map, after []pulumi.Resource, on pulumi.ResourceOption) (*components.Exporter, error) {
	return components.NewExporter(ctx, "exporter", &components.ExporterArgs{
		EngineArgs: engine, Exporter: c.Exporter, Outputs: outputs, Namespace: c.Namespace, Services: c.Services,
		Looks: components.Looks{Cost: c.Cost.Enabled, Size: c.Size.Enabled, Backup: c.Backup.Enabled, Chaos: c.Chaos.Enabled},
	}, on, pulumi.DependsOn(after))
}

// loadFromPulumi reads the config as a whole from where Pulumi puts it. Asked key by key, a misspelt key would go unseen.
func loadFromPulumi(ctx *pulumi.Context) (Config, error) {
	var values map[string]string
	var secretKeys []string
	for name, into := range map[string]any{pulumi.EnvConfig: &values, pulumi.EnvConfigSecretKeys: &secretKeys} {
		if text := os.Getenv(name); text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return Config{}, fmt.Errorf("opex: Pulumi handed over a config in %s that is not the expected JSON; another version of Pulumi?", name)
			}
		}
	}
	return Load(values, secretKeys, ctx.RootDirectory())
}
