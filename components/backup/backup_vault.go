// Package backup is how services come back: BackupVault, once per cluster, and BackupPlan, once per service, with the
// hooks that run in a database's container.
package backup

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// What the chart names so, whatever its release is named.
const (
	Namespace           = "velero"
	DeploymentName      = "velero"
	StorageLocationName = "default"

	veleroName           = "velero"
	veleroServiceAccount = "velero-server"
	veleroMetricsPort    = "http-monitoring"
	nodeAgentName        = "node-agent"
	storageLocationName  = StorageLocationName
)

const (
	// veleroPrefix is Velero's folder of the bucket: it calls a folder invalid that holds what it does not know.
	veleroPrefix = "velero"
	// credentialsSecret holds the static keys for an S3-compatible store.
	credentialsSecret = "velero-store-credentials"
	// repositorySecret is the name that Velero looks for, and makes with a password that everybody knows if it finds
	// none (v1.18.3, pkg/repository/keys).
	repositorySecret = "velero-repo-credentials"
)

// BackupVault is the engine of backups, once per cluster: a bucket, and Velero with rights to it.
type BackupVault struct {
	pulumi.ResourceState

	// Vault is a contract.BackupVault as a map, for stack outputs. It is known once Velero is ready.
	Vault pulumi.MapOutput
	// Dashboard is a contract.Dashboard as a map.
	Dashboard pulumi.MapOutput

	Velero *platform.Release
}

// BackupVaultArgs are the arguments of NewBackupVault.
type BackupVaultArgs struct {
	platform.EngineArgs
	// Vault describes the bucket and the store. What is unset takes its default.
	Vault spec.Vault
	// Secrets are kept secret in any case. RepositoryPassword is required, the keys for an S3-compatible store.
	Secrets spec.VaultSecrets
	// CACertificate is the content of Vault.Store.CAFile, in PEM.
	CACertificate string
	// Keep leaves the bucket even when the stack goes.
	Keep bool
	// Watches are what the dashboard shows.
	Watches []Watch
}

func (v BackupVaultArgs) problems() problem.List {
	found := v.EngineArgs.Problems()
	found.AddAll("Vault.", v.Vault.Problems())
	found.AddAll("Secrets.", v.Secrets.Problems(v.Vault))
	return found
}

// NewBackupVault declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewBackupVault(
	ctx *pulumi.Context, name string, args *BackupVaultArgs, opts ...pulumi.ResourceOption,
) (*BackupVault, error) {
	// Defaults.
	v := BackupVaultArgs{}
	if args != nil {
		v = *args
	}
	v.Owner.SetDefaults()

	// Validate.
	if err := v.problems().Err(fmt.Sprintf("BackupVault %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &BackupVault{}
	inputs := pulumi.Map{"vault": platform.Values(v.Vault), "environment": pulumi.String(v.Environment)}
	if err := ctx.RegisterComponentResourceV2("opex:index:BackupVault", name, inputs, engine, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(engine)
	role, before, err := newStore(ctx, name, v, child)
	if err != nil {
		return nil, err
	}
	namespace, err := v.NewNamespace(ctx, name+"-namespace", Namespace, veleroName, platform.Privileged, child)
	if err != nil {
		return nil, err
	}
	secrets, err := newVeleroSecrets(ctx, name, v, namespace, child)
	if err != nil {
		return nil, err
	}
	values := role.ApplyT(func(arn string) (map[string]any, error) { return platform.Plain(newVeleroValues(v, arn)) }).(pulumi.MapOutput)
	engine.Velero, err = platform.NewRelease(
		ctx, name+"-velero", platform.VeleroChart, v.EngineArgs, platform.NameOf(namespace), values, child,
		pulumi.DependsOn(append(before, secrets...)),
	)
	if err != nil {
		return nil, err
	}
	dashboard, err := platform.NewDashboard(
		ctx, name+"-dashboard", dashboardOf(v), namespace, v.ObjectLabels(veleroName), child,
	)
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Vault = engine.Velero.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(v.contract())
	}).(pulumi.MapOutput)
	engine.Dashboard = dashboard
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"vault": engine.Vault})
}

func (v BackupVaultArgs) contract() contract.BackupVault {
	vault := contract.BackupVault{
		Namespace: Namespace, Deployment: DeploymentName, NodeAgent: nodeAgentName, StorageLocation: storageLocationName,
		Bucket: v.Vault.Bucket, Prefix: veleroPrefix, Region: v.Vault.Region, CACertificate: v.CACertificate,
	}
	if v.Vault.Store != nil {
		vault.URL, vault.CredentialsSecret = v.Vault.Store.AddressOutside(), credentialsSecret
	}
	if lock := v.Vault.ObjectLock; lock != nil {
		vault.ObjectLock = &contract.ObjectLock{Mode: lock.S3Mode(), Days: lock.Days}
	}
	return vault
}

// Scrape is where Velero gives metrics. The label name keeps the node agents out, which have all others and whose
// metrics say nothing of the server.
func Scrape() platform.Scrape {
	return platform.Scrape{Service: veleroName, Namespace: Namespace, PortName: veleroMetricsPort, Path: "/metrics",
		Selector: map[string]string{
			"app.kubernetes.io/name": veleroName,
			contract.LabelInstance:   veleroName,
			"name":                   veleroName,
		}}
}
