package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// What the chart names so, whatever its release is named.
const (
	veleroName           = "velero"
	veleroNamespace      = "velero"
	veleroServiceAccount = "velero-server"
	veleroMetricsPort    = "http-monitoring"
	nodeAgentName        = "node-agent"
	storageLocationName  = "default"
)

const (
	// veleroPrefix is Velero's folder of the bucket: it calls a folder invalid that holds what it does not know.
	veleroPrefix = "velero"
	// credentialsSecret holds the static keys for an S3-compatible store.
	credentialsSecret = "velero-store-credentials"
	// repositorySecret is the name that Velero looks for, and makes with a password that everybody knows if it finds none
	// (v1.18.3, pkg/repository/keys).
	repositorySecret = "velero-repo-credentials"
)

// BackupVault is the engine of backups, once per cluster: a bucket, and Velero with rights to it.
type BackupVault struct {
	pulumi.ResourceState

	// Vault is a contract.BackupVault as a map, for stack outputs. It is known once Velero is ready.
	Vault pulumi.MapOutput
	// Dashboard is a contract.Dashboard as a map.
	Dashboard pulumi.MapOutput
}

// BackupVaultArgs are the arguments of NewBackupVault.
type BackupVaultArgs struct {
	EngineArgs
	// Vault describes the bucket and the store. What is unset takes its default.
	Vault VaultSpec
	// Secrets are kept secret in any case. RepositoryPassword is required, the keys for an S3-compatible store.
	Secrets VaultSecrets
	// CAFile is the absolute path of Vault.Store.CAFile, and CACertificate its content, in PEM.
	CAFile, CACertificate string
	// Keep refuses to delete the bucket, and leaves it even when the stack goes.
	Keep bool
	// Watches are what the dashboard shows.
	Watches []BackupWatch
}

func (v BackupVaultArgs) problems() problem.List {
	found := v.EngineArgs.problems()
	found.AddAll("Vault.", v.Vault.Problems())
	found.AddAll("Secrets.", v.Secrets.Problems(v.Vault))
	return found
}

// NewBackupVault declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewBackupVault(ctx *pulumi.Context, name string, args *BackupVaultArgs, opts ...pulumi.ResourceOption) (*BackupVault, error) {
	// Defaults.
	given := BackupVaultArgs{}
	if args != nil {
		given = *args
	}
	given.Owner.SetDefaults()

	// Validate.
	if err := given.problems().Err(fmt.Sprintf("BackupVault %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &BackupVault{}
	if err := ctx.RegisterComponentResource("opex:index:BackupVault", name, engine, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(engine)
	provider, err := newAWSProvider(ctx, name+"-aws", given, child)
	if err != nil {
		return nil, err
	}
	onAWS := []pulumi.ResourceOption{child, pulumi.Provider(provider)}
	before, err := newBucket(ctx, name+"-bucket", given, onAWS...)
	if err != nil {
		return nil, err
	}
	home, err := newVeleroNamespace(ctx, name+"-namespace", given, child)
	if err != nil {
		return nil, err
	}
	secrets, err := newVeleroSecrets(ctx, name, given, home, child)
	if err != nil {
		return nil, err
	}
	before = append(before, secrets...)

	values := valuesOf(newVeleroValues(given, ""))
	if given.Vault.Store == nil {
		role, err := newVeleroRole(ctx, name, given, onAWS...)
		if err != nil {
			return nil, err
		}
		before = append(before, role)
		values = role.ARN.ApplyT(func(arn string) (any, error) { return plainOf(newVeleroValues(given, arn)) })
	}
	velero, err := newRelease(ctx, name+"-velero", veleroChart, home.Name(), values, child, pulumi.DependsOn(before))
	if err != nil {
		return nil, err
	}
	dashboard, err := newDashboard(ctx, name+"-dashboard", backupDashboard(given), home, given.objectLabels(veleroName), child)
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Vault = velero.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(given.contract())
	}).(pulumi.MapOutput)
	engine.Dashboard = dashboard
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"vault": engine.Vault})
}

// newAWSProvider declares the connection to AWS, or to the store. Credentials are those that AWS' own tools find; of another
// account they are refused.
func newAWSProvider(ctx *pulumi.Context, name string, given BackupVaultArgs, opts ...pulumi.ResourceOption) (*aws.Provider, error) {
	v := given.Vault
	args := &aws.ProviderArgs{Region: pulumi.String(v.Region)}
	if v.Store == nil {
		args.AllowedAccountIds = pulumi.ToStringArray([]string{v.Account})
	} else {
		args.Endpoints = aws.ProviderEndpointArray{aws.ProviderEndpointArgs{S3: pulumi.String(v.Store.publicURL())}}
		args.S3UsePathStyle = pulumi.Bool(true)
		if given.CAFile != "" {
			args.CustomCaBundle = pulumi.String(given.CAFile)
		}
		// What only AWS itself has.
		args.SkipCredentialsValidation = pulumi.Bool(true)
		args.SkipMetadataApiCheck = pulumi.Bool(true)
		args.SkipRequestingAccountId = pulumi.Bool(true)
	}
	return aws.NewProvider(ctx, name, args, append(opts, pulumi.Version(awsVersion))...)
}

// newVeleroNamespace declares Velero's namespace. Its node agent reads the volumes of all pods on a node through a hostPath,
// as root, which only the privileged Pod Security Standard allows.
func newVeleroNamespace(ctx *pulumi.Context, name string, v BackupVaultArgs, opts ...pulumi.ResourceOption) (*Object, error) {
	labels := v.objectLabels(veleroName)
	labels["pod-security.kubernetes.io/enforce"] = "privileged"
	return NewNamespace(ctx, name, veleroNamespace, labels, nil, opts...)
}

// newVeleroSecrets declares what Velero must find at its first start.
func newVeleroSecrets(ctx *pulumi.Context, name string, v BackupVaultArgs, home *Object, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var all []pulumi.Resource
	secret := func(role, object, key, value string, opts ...pulumi.ResourceOption) error {
		made, err := newObject(ctx, name+"-"+role, "v1", "Secret", &metav1.ObjectMetaArgs{
			Name: pulumi.String(object), Namespace: home.Name(), Labels: pulumi.ToStringMap(v.objectLabels(veleroName)),
		}, pulumi.Map{
			"type": pulumi.String("Opaque"),
			"data": pulumi.ToSecret(pulumi.StringMap{key: pulumi.String(base64Of(value))}),
		}, append(opts, pulumi.AdditionalSecretOutputs([]string{"data", "stringData"}))...)
		all = append(all, made)
		return err
	}
	// Without this password nothing in the bucket can be read: it is not to be lost with the stack's state.
	if err := secret("repository-secret", repositorySecret, "repository-password", v.Secrets.RepositoryPassword, opts...); err != nil {
		return nil, err
	}
	if v.Vault.Store != nil {
		keys := fmt.Sprintf("[default]\naws_access_key_id=%s\naws_secret_access_key=%s\n", v.Secrets.AccessKey, v.Secrets.SecretKey)
		if err := secret("store-secret", credentialsSecret, "cloud", keys, opts...); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (v BackupVaultArgs) contract() contract.BackupVault {
	vault := contract.BackupVault{
		Namespace: veleroNamespace, Deployment: veleroName, NodeAgent: nodeAgentName, StorageLocation: storageLocationName,
		Bucket: v.Vault.Bucket, Prefix: veleroPrefix, Region: v.Vault.Region, CACertificate: v.CACertificate,
	}
	if v.Vault.Store != nil {
		vault.URL, vault.CredentialsSecret = v.Vault.Store.publicURL(), credentialsSecret
	}
	if lock := v.Vault.ObjectLock; lock != nil {
		vault.ObjectLock = &contract.ObjectLock{Mode: lock.s3Mode(), Days: lock.Days}
	}
	return vault
}

// VeleroScrape is where Velero gives metrics.
func VeleroScrape() Scrape {
	return Scrape{Service: veleroName, Namespace: veleroNamespace, PortName: veleroMetricsPort, Path: "/metrics",
		Selector: map[string]string{"app.kubernetes.io/name": veleroName, contract.LabelInstance: veleroName}}
}
