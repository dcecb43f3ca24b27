package backup_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/components/spec/spectest"
	"github.com/opex-project/opex/internal/pulumitest"
)

func declarePlan(t *testing.T, args *backup.BackupPlanArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := backup.NewBackupPlan(ctx, "plan", args, on)
		return err
	})
}

func TestBackupPlansAreTheGoldenOnes(t *testing.T) {
	for file, service := range map[string]spec.Service{
		"backup-plan": spectest.Till(), "backup-plan-without-database": spectest.Shop(),
	} {
		record, err := declarePlan(
			t, &backup.BackupPlanArgs{Service: service, Environment: "staging", Namespace: "shops"},
		)
		if err != nil {
			t.Fatal(err)
		}
		pulumitest.Golden(t, "testdata/"+file+".yaml", record.Manifests(t))
	}
}

// TestBackupFindsEveryObjectOfItsServiceAndTheHooksItsDatabase: what a selector misses is not in the backup.
func TestBackupFindsEveryObjectOfItsServiceAndTheHooksItsDatabase(t *testing.T) {
	plan, err := declarePlan(
		t, &backup.BackupPlanArgs{Service: spectest.Till(), Environment: "staging", Namespace: "shops"},
	)
	if err != nil {
		t.Fatal(err)
	}
	template := pulumitest.Object(t, plan.Find("plan-schedule").Inputs, "spec", "template")
	all := pulumitest.Object(t, template, "labelSelector", "matchLabels")
	hooked := pulumitest.Object(
		t, template["hooks"].(map[string]any)["resources"].([]any)[0], "labelSelector", "matchLabels",
	)
	matches := func(labels, selector map[string]any) bool {
		for key, value := range selector {
			if labels[key] != value {
				return false
			}
		}
		return true
	}
	app, err := declareApp(t)
	if err != nil {
		t.Fatal(err)
	}
	objects := 0
	for _, r := range app.Resources {
		if r.Inputs["kind"] == nil || !strings.HasPrefix(r.Name, "till-") {
			continue
		}
		objects++
		if !matches(pulumitest.Object(t, r.Inputs, "metadata", "labels"), all) {
			t.Errorf("%s is not in the backup", r.Name)
		}
	}
	if objects < 10 {
		t.Errorf("%d objects were looked at", objects)
	}
	database := pulumitest.Object(t, app.Find("till-db-statefulset").Inputs, "spec", "template", "metadata", "labels")
	if !matches(database, all) || !matches(database, hooked) {
		t.Errorf("the database's pods, %v, are not found by %v and %v", database, all, hooked)
	}
	if service := pulumitest.Object(t, app.Find("till-deployment").Inputs, "spec", "template", "metadata", "labels"); matches(
		service, hooked,
	) {
		t.Error("the hooks would run in the service's pods too")
	}
}

func TestBackupPlanRefuses(t *testing.T) {
	valid := func(change func(*backup.BackupPlanArgs)) *backup.BackupPlanArgs {
		args := &backup.BackupPlanArgs{Service: spectest.Till(), Environment: "staging", Namespace: "shops"}
		change(args)
		return args
	}
	cases := map[string]struct {
		args *backup.BackupPlanArgs
		says string
	}{
		"nil":            {nil, "Namespace: is empty: a Schedule without namespaces backs up the whole cluster"},
		"no environment": {valid(func(a *backup.BackupPlanArgs) { a.Environment = "" }), "Environment: is empty"},
		"a waived plan": {
			valid(func(a *backup.BackupPlanArgs) { a.Service.Backup.Waived = "it holds nothing" }),
			"Service.backup.waived: is set",
		},
		"a schedule too slow": {valid(func(a *backup.BackupPlanArgs) { a.Service.Backup.RPO = "1h" }),
			`backup.schedule: "0 2 * * *" leaves up to 24h0m0s between two backups, and rpo allows to lose 1h; the cheapest that keeps to it is "0 */1 * * *"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			record, err := declarePlan(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is\n%v\nwant one that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}

// declareApp declares the service that is tried here.
func declareApp(t *testing.T) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, cluster pulumi.ResourceOption) error {
		_, err := cost.NewCostLabeledApp(ctx, "till", &cost.CostLabeledAppArgs{
			Service: spectest.Till(), Environment: "staging", Namespace: pulumi.String("shops"), DatabasePassword: pulumi.String("hidden-in-the-cellar"),
		}, cluster)
		return err
	})
}
