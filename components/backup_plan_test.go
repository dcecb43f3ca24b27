package components_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components"
	"github.com/opex-project/opex/internal/pulumitest"
)

func declarePlan(t *testing.T, args *components.BackupPlanArgs) (*pulumitest.Record, error) {
	t.Helper()
	return onCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := components.NewBackupPlan(ctx, "plan", args, on)
		return err
	})
}

func TestBackupPlansAreTheGoldenOnes(t *testing.T) {
	for file, service := range map[string]components.ServiceSpec{
		"backup-plan": withDatabase().Service, "backup-plan-without-database": shop().Service,
	} {
		record, err := declarePlan(t, &components.BackupPlanArgs{Service: service, Environment: "staging", Namespace: "shops"})
		if err != nil {
			t.Fatal(err)
		}
		pulumitest.Golden(t, "testdata/"+file+".yaml", record.Manifests(t))
	}
}

// TestBackupFindsEveryObjectOfItsServiceAndTheHooksItsDatabase: what a selector misses is not in the backup.
func TestBackupFindsEveryObjectOfItsServiceAndTheHooksItsDatabase(t *testing.T) {
	plan, err := declarePlan(t, &components.BackupPlanArgs{Service: withDatabase().Service, Environment: "staging", Namespace: "shops"})
	if err != nil {
		t.Fatal(err)
	}
	template := object(t, plan.Find("plan-schedule").Inputs, "spec", "template")
	all := object(t, template, "labelSelector", "matchLabels")
	hooked := object(t, template["hooks"].(map[string]any)["resources"].([]any)[0], "labelSelector", "matchLabels")
	matches := func(labels, selector map[string]any) bool {
		for key, value := range selector {
			if labels[key] != value {
				return false
			}
		}
		return true
	}
	app, err := declare(t, map[string]*components.CostLabeledAppArgs{"till": withDatabase()})
	if err != nil {
		t.Fatal(err)
	}
	objects := 0
	for _, r := range app.Resources {
		if r.Inputs["kind"] == nil || !strings.HasPrefix(r.Name, "till-") {
			continue
		}
		objects++
		if !matches(object(t, r.Inputs, "metadata", "labels"), all) {
			t.Errorf("%s is not in the backup", r.Name)
		}
	}
	if objects < 10 {
		t.Errorf("%d objects were looked at", objects)
	}
	database := object(t, app.Find("till-db-statefulset").Inputs, "spec", "template", "metadata", "labels")
	if !matches(database, all) || !matches(database, hooked) {
		t.Errorf("the database's pods, %v, are not found by %v and %v", database, all, hooked)
	}
	if service := object(t, app.Find("till-deployment").Inputs, "spec", "template", "metadata", "labels"); matches(service, hooked) {
		t.Error("the hooks would run in the service's pods too")
	}
}

func TestBackupPlanRefuses(t *testing.T) {
	valid := func(change func(*components.BackupPlanArgs)) *components.BackupPlanArgs {
		args := &components.BackupPlanArgs{Service: withDatabase().Service, Environment: "staging", Namespace: "shops"}
		change(args)
		return args
	}
	cases := map[string]struct {
		args *components.BackupPlanArgs
		says string
	}{
		"nil":            {nil, "Namespace: is empty: a Schedule without namespaces backs up the whole cluster"},
		"no environment": {valid(func(a *components.BackupPlanArgs) { a.Environment = "" }), "Environment: is empty"},
		"a waived plan":  {valid(func(a *components.BackupPlanArgs) { a.Service.Backup.Waived = "it holds nothing" }), "Service.backup.waived: is set"},
		"a schedule too slow": {valid(func(a *components.BackupPlanArgs) { a.Service.Backup.RPO = "1h" }),
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
