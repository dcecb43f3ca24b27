package backup_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/pulumitest"
)

const repositoryPassword = "correct-horse-battery"

// onAWS is valid: a bucket of AWS with everything that can be asked of it.
func onAWS() *backup.BackupVaultArgs {
	return &backup.BackupVaultArgs{
		EngineArgs: platform.EngineArgs{Environment: "production"},
		Vault: spec.Vault{
			Enabled: true, Bucket: "shops-backups", Region: "cn-north-1", Account: "123456789012", OIDCProvider: "oidc.example.com/id/1",
			KMSKey:     "arn:aws-cn:kms:cn-north-1:123456789012:key/1-2",
			ObjectLock: &spec.ObjectLock{Mode: "compliance", Days: 14},
		},
		Secrets: spec.VaultSecrets{RepositoryPassword: repositoryPassword},
		Keep:    true,
	}
}

// onStore is valid: an S3-compatible store.
func onStore() *backup.BackupVaultArgs {
	args := onAWS()
	args.Vault.Account, args.Vault.OIDCProvider, args.Vault.KMSKey, args.Vault.ObjectLock = "", "", "", nil
	args.Vault.Store = &spec.Store{
		URL:       "https://store.storage:9000",
		PublicURL: "https://127.0.0.1:9000",
		CAFile:    "ca.crt",
	}
	args.Secrets.AccessKey, args.Secrets.SecretKey = "access-key", "the-secret-of-it"
	args.CACertificate = "-----BEGIN CERTIFICATE-----\n"
	args.Keep = false
	return args
}

func declareVault(t *testing.T, args *backup.BackupVaultArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := backup.NewBackupVault(ctx, "backup", args, on)
		return err
	})
}

func TestVaultsAreTheGoldenOnes(t *testing.T) {
	for name, args := range map[string]*backup.BackupVaultArgs{"aws": onAWS(), "store": onStore()} {
		t.Run(name, func(t *testing.T) {
			record, err := declareVault(t, args)
			if err != nil {
				t.Fatal(err)
			}
			var all []map[string]any
			for _, r := range record.Sorted() {
				all = append(
					all, map[string]any{"name": r.Name, "type": r.Type, "inputs": r.Inputs, "protect": r.Protect},
				)
			}
			text, err := json.MarshalIndent(all, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			pulumitest.Golden(t, "testdata/vault-"+name+".json", append(text, '\n'))
		})
	}
}

func TestSecretsOfTheVaultAreNeverInClear(t *testing.T) {
	record, err := declareVault(t, onStore())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{repositoryPassword, "access-key", "the-secret-of-it"} {
		if strings.Contains(record.Clear(), secret) {
			t.Errorf("%q can be read in the record", secret)
		}
	}
}

func TestVeleroStartsAfterAllThatKeepsTheBucketAndItsPassword(t *testing.T) {
	for _, args := range []*backup.BackupVaultArgs{onAWS(), onStore()} {
		record, err := declareVault(t, args)
		if err != nil {
			t.Fatal(err)
		}
		velero := record.Find("backup-velero")
		for _, r := range record.Resources {
			first := strings.HasPrefix(r.Type, "aws:") || strings.HasSuffix(r.Name, "-secret")
			if first && !strings.Contains(strings.Join(velero.DependsOn, " "), r.URN) {
				t.Errorf("Velero does not wait for %s", r.Name)
			}
		}
	}
}

func TestBackupVaultRefuses(t *testing.T) {
	aws := func(change func(*backup.BackupVaultArgs)) *backup.BackupVaultArgs {
		args := onAWS()
		change(args)
		return args
	}
	store := func(change func(*backup.BackupVaultArgs)) *backup.BackupVaultArgs {
		args := onStore()
		change(args)
		return args
	}
	cases := map[string]struct {
		args *backup.BackupVaultArgs
		says string
	}{
		"nil": {nil, "Environment: is empty"},
		"a bucket with dots": {
			aws(func(a *backup.BackupVaultArgs) { a.Vault.Bucket = "a.b.c" }), `Vault.bucket: is "a.b.c"`,
		},
		"an alias of a key": {
			aws(func(a *backup.BackupVaultArgs) { a.Vault.KMSKey = "alias/backups" }),
			`Vault.kmsKey: is "alias/backups", want the ARN of a KMS key`,
		},
		"a region that is none": {
			aws(func(a *backup.BackupVaultArgs) { a.Vault.Region = "Ireland" }), `Vault.region: is "Ireland"`,
		},
		"a short repository password": {
			aws(func(a *backup.BackupVaultArgs) { a.Secrets.RepositoryPassword = "short" }),
			"Secrets.repositoryPassword: is missing or shorter than 16",
		},
		"keys that AWS does not need": {
			aws(func(a *backup.BackupVaultArgs) { a.Secrets.AccessKey = "x" }),
			"Secrets.accessKey: is for an S3-compatible store",
		},
		"a store without keys": {
			store(func(a *backup.BackupVaultArgs) { a.Secrets.SecretKey = "" }),
			"Secrets.secretKey: is missing",
		},
		"a key of two lines": {
			store(func(a *backup.BackupVaultArgs) { a.Secrets.AccessKey = "a\nb" }),
			"Secrets.accessKey: holds spaces",
		},
		"a key for a store": {
			store(func(a *backup.BackupVaultArgs) { a.Vault.KMSKey = "x" }),
			"Vault.kmsKey: is for AWS",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			record, err := declareVault(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), `BackupVault "backup"`) {
				t.Errorf("error is\n%v\nwant one of BackupVault \"backup\" that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}

// TestSettingsOfABucketComeOneAfterTheOther: AWS refuses two at a time.
func TestSettingsOfABucketComeOneAfterTheOther(t *testing.T) {
	record, err := declareVault(t, onAWS())
	if err != nil {
		t.Fatal(err)
	}
	order := []string{
		"", "-publicaccess", "-policy", "-ownership", "-versioning", "-lifecycle", "-encryption", "-objectlock",
	}
	for i := 1; i < len(order); i++ {
		before, after := record.Find("backup-bucket"+order[i-1]), record.Find("backup-bucket"+order[i])
		if !strings.Contains(strings.Join(after.DependsOn, " "), before.URN) {
			t.Errorf("%s does not wait for %s", after.Name, before.Name)
		}
	}
}

func TestVeleroGetsTheARNOfItsRole(t *testing.T) {
	record, err := declareVault(t, onAWS())
	if err != nil {
		t.Fatal(err)
	}
	server := pulumitest.Object(
		t, record.Find("backup-velero").Inputs, "values", "serviceAccount", "server", "annotations",
	)
	if server["eks.amazonaws.com/role-arn"] != "arn:aws:test:::backup-role" {
		t.Errorf("the annotations are %v", server)
	}
}

func TestPodIdentityTakesTheOIDCProvidersPlace(t *testing.T) {
	args := onAWS()
	args.Vault.OIDCProvider, args.Vault.PodIdentity = "", "shops"
	args.Vault.PermissionsBoundary, args.Vault.IAMPath = "arn:aws-cn:iam::123456789012:policy/limit", "/platform/"
	record, err := declareVault(t, args)
	if err != nil {
		t.Fatal(err)
	}
	role := record.Find("backup-role").Inputs
	if role["path"] != "/platform/" || role["permissionsBoundary"] != args.Vault.PermissionsBoundary ||
		!strings.Contains(role["assumeRolePolicy"].(string), "pods.eks.amazonaws.com") {
		t.Errorf("the role is %v", role)
	}
	association := record.Find("backup-podidentity")
	if association.Inputs["roleArn"] != "arn:aws:test:::backup-role" ||
		!strings.Contains(strings.Join(record.Find("backup-velero").DependsOn, " "), association.URN) {
		t.Errorf("the association is %v, or Velero does not wait for it", association.Inputs)
	}
}

// The labels are those of Velero's chart: its server and its node agents differ in one.
func TestTheServerOfVeleroIsScrapedAndNoNodeAgent(t *testing.T) {
	pod := func(name string) labels.Set {
		return labels.Set{
			"app.kubernetes.io/name": "velero", "app.kubernetes.io/instance": "velero",
			"app.kubernetes.io/managed-by": "Helm", "name": name,
		}
	}
	selector := labels.SelectorFromSet(backup.Scrape().Selector)
	if !selector.Matches(pod("velero")) {
		t.Errorf("%s misses the server", selector)
	}
	if selector.Matches(pod("node-agent")) {
		t.Errorf("%s matches node agents, which hide a server that is gone", selector)
	}
}
