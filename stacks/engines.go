package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/chaos"
	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/proof"
	"github.com/opex-project/opex/components/size"
	"github.com/opex-project/opex/internal/contract"
)

// engines are what is installed once per cluster. What is off is nil.
type engines struct {
	cost   *cost.CostVisibility
	size   *size.SizeAdvisor
	backup *backup.BackupVault
	chaos  *chaos.ChaosLab
	proof  *proof.Exporter
}

// looks says which there are, for the exporter.
func (e engines) looks() proof.Looks {
	return proof.Looks{Cost: e.cost != nil, Size: e.size != nil, Backup: e.backup != nil, Chaos: e.chaos != nil}
}

// resources are those that there are.
func (e engines) resources() []pulumi.Resource {
	var all []pulumi.Resource
	if e.cost != nil {
		all = append(all, e.cost)
	}
	if e.size != nil {
		all = append(all, e.size)
	}
	if e.backup != nil {
		all = append(all, e.backup)
	}
	if e.chaos != nil {
		all = append(all, e.chaos)
	}
	return all
}

func (s stack) installEngines() (*engines, error) {
	e := &engines{}
	var err error
	if s.config.Cost.Enabled {
		if e.cost, err = s.newCostVisibility(); err != nil {
			return e, err
		}
	}
	if s.config.Size.Enabled {
		if e.size, err = s.newSizeAdvisor(); err != nil {
			return e, err
		}
	}
	if s.config.Backup.Enabled {
		if e.backup, err = s.newBackupVault(); err != nil {
			return e, err
		}
	}
	if s.config.Chaos.Enabled {
		e.chaos, err = s.newChaosLab()
	}
	return e, err
}

func (s stack) newCostVisibility() (*cost.CostVisibility, error) {
	c := s.config
	args := &cost.CostVisibilityArgs{
		EngineArgs: s.engineArgs(),
		Cost:       c.Cost,
		Namespaces: []string{c.Namespace},
		Rules:      backup.Rules(s.watches()),
	}
	for _, service := range c.Services {
		args.Scrapes = append(args.Scrapes, cost.ScrapeOf(service, c.Namespace)...)
	}
	if c.Backup.Enabled {
		args.Scrapes = append(args.Scrapes, backup.Scrape())
	}
	if c.Exporter.Enabled {
		args.Scrapes = append(args.Scrapes, proof.Scrape())
		args.Rules = append(args.Rules, proof.Rules()...)
	}
	return cost.NewCostVisibility(s.ctx, "cost", args, s.component()...)
}

// newSizeAdvisor leaves to the cluster what it has already.
func (s stack) newSizeAdvisor() (*size.SizeAdvisor, error) {
	args := &size.SizeAdvisorArgs{
		EngineArgs:    s.engineArgs(),
		MetricsServer: s.config.Size.MetricsServer,
		ForeignCRDs:   s.found.foreignCRDs,
	}
	if args.MetricsServer && s.found.foreignMetricsServer {
		args.MetricsServer = false
		if err := s.ctx.Log.Info("opex:size.metricsServer: the cluster has a metrics-server of its own, which is used", nil); err != nil {
			return nil, err
		}
	}
	return size.NewSizeAdvisor(s.ctx, "size", args, s.component()...)
}

// newChaosLab says what Helm leaves to people: it installs the kinds of a chart's crds/ once, and never upgrades them.
func (s stack) newChaosLab() (*chaos.ChaosLab, error) {
	chart := platform.ChaosMeshChart
	if want := chart.Name + "-" + chart.Version; s.found.chaosMesh != "" && s.found.chaosMesh != want {
		text := fmt.Sprintf("opex:chaos: this update brings %s in place of %s, and Helm does not upgrade its kinds. "+
			"Before it, run: helm show crds %s --repo %s --version %s | kubectl apply --server-side --force-conflicts -f -",
			want, s.found.chaosMesh, chart.Name, chart.Repository, chart.Version)
		if err := s.ctx.Log.Warn(text, nil); err != nil {
			return nil, err
		}
	}
	return chaos.NewChaosLab(s.ctx, "chaos", &chaos.ChaosLabArgs{
		EngineArgs: s.engineArgs(), RuntimeSocket: s.config.Chaos.RuntimeSocket, Target: s.config.Namespace,
	}, s.component(s.namespace)...)
}

func (s stack) newBackupVault() (*backup.BackupVault, error) {
	c := s.config
	certificate, err := c.storeCertificate(s.ctx.RootDirectory())
	if err != nil {
		return nil, err
	}
	return backup.NewBackupVault(s.ctx, "backup", &backup.BackupVaultArgs{
		EngineArgs: s.engineArgs(), Vault: c.Backup, Secrets: c.BackupSecrets, CACertificate: certificate,
		Keep: c.profile().protectData, Watches: s.watches(),
	}, s.component()...)
}

// watches are the services' backups, as alerts and the dashboard look at them.
func (s stack) watches() []backup.Watch {
	var all []backup.Watch
	if s.config.Backup.Enabled {
		for _, service := range s.config.Services {
			all = append(all, backup.WatchOf(service, s.config.Namespace)...)
		}
	}
	return all
}

// installExporter declares what judges the stack, by the same outputs that everybody reads. It comes after the engines,
// whose namespaces it may look into.
func (s stack) installExporter(e *engines, services pulumi.Map) error {
	c := s.config
	if !c.Exporter.Enabled {
		return nil
	}
	outputs := s.outputs(e, services)
	delete(outputs, contract.OutputDashboards) // of no use to it
	var err error
	e.proof, err = proof.NewExporter(s.ctx, "exporter", &proof.ExporterArgs{
		EngineArgs: s.engineArgs(), Exporter: c.Exporter, Outputs: outputs, Namespace: c.Namespace, Services: c.Services,
		Looks: e.looks(),
	}, s.component(append(e.resources(), s.namespace)...)...)
	return err
}
