package proof_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/proof"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/pulumitest"
)

// judging is valid and sets everything.
func judging() *proof.ExporterArgs {
	return &proof.ExporterArgs{
		EngineArgs: platform.EngineArgs{Environment: "staging"},
		Exporter:   spec.Exporter{Enabled: true, Every: "5m"},
		Outputs: pulumi.Map{
			"environment": pulumi.String("staging"),
			"services":    pulumi.Map{"shop": pulumi.Map{"namespace": pulumi.String("shops")}},
		},
		Namespace: "shops",
		Services:  []spec.Service{{Name: "shop"}, {Name: "till", Database: &spec.Database{}}},
		Looks:     proof.Looks{Cost: true, Size: true, Backup: true, Chaos: true},
	}
}

func declareExporter(t *testing.T, args *proof.ExporterArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := proof.NewExporter(ctx, "exporter", args, on)
		return err
	})
}

func TestExporterIsTheGoldenOne(t *testing.T) {
	record, err := declareExporter(t, judging())
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "testdata/exporter.yaml", record.Manifests(t))
}

// TestTheExporterMayReadAndOnlyInTheDatabasesPodsMore: a right that nobody needs is a way in.
func TestTheExporterMayReadAndOnlyInTheDatabasesPodsMore(t *testing.T) {
	for name, c := range map[string]struct {
		looks proof.Looks
		roles []string
		execs bool
	}{
		"all engines": {proof.Looks{Cost: true, Size: true, Backup: true, Chaos: true},
			[]string{"shops", "opencost", "vertical-pod-autoscaler", "velero", "chaos-mesh"}, true},
		"none": {proof.Looks{}, []string{"shops"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			args := judging()
			args.Looks = c.looks
			record, err := declareExporter(t, args)
			if err != nil {
				t.Fatal(err)
			}
			execs, roles := false, 0
			for _, namespace := range c.roles {
				roles++
				for _, item := range record.Find("exporter-in-" + namespace).Inputs["rules"].([]any) {
					rule := item.(map[string]any)
					for _, verb := range rule["verbs"].([]any) {
						exec := rule["resources"].([]any)[0] == "pods/exec"
						if verb != "get" && verb != "list" && !exec {
							t.Errorf("in %s it may %s %v", namespace, verb, rule["resources"])
						}
						if exec {
							execs = true
							if names, _ := rule["resourceNames"].([]any); len(names) != 1 || names[0] != "till-db-0" {
								t.Errorf("it may run commands in %v", rule["resourceNames"])
							}
						}
					}
				}
			}
			if execs != c.execs || strings.Count(string(record.Manifests(t)), "kind: Role\n") < roles {
				t.Errorf("%d roles wanted, commands in pods %v, want %v", roles, execs, c.execs)
			}
		})
	}
}

func TestExporterRefuses(t *testing.T) {
	change := func(with func(*proof.ExporterArgs)) *proof.ExporterArgs {
		args := judging()
		with(args)
		return args
	}
	for name, c := range map[string]struct {
		args *proof.ExporterArgs
		says string
	}{
		"nil":                      {nil, "Services: needs services"},
		"too often":                {change(func(a *proof.ExporterArgs) { a.Exporter.Every = "1s" }), `Exporter.every: is "1s", want a duration from 30s to 1h0m0s`},
		"too seldom":               {change(func(a *proof.ExporterArgs) { a.Exporter.Every = "2h" }), `Exporter.every: is "2h"`},
		"no duration":              {change(func(a *proof.ExporterArgs) { a.Exporter.Every = "often" }), `Exporter.every: is "often"`},
		"nobody":                   {change(func(a *proof.ExporterArgs) { a.Services = nil }), "Services: needs services"},
		"without an owner's label": {change(func(a *proof.ExporterArgs) { a.Owner.Team = "us all" }), `team: "us all" is no label value`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := declareExporter(t, c.args); err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), `Exporter "exporter"`) {
				t.Errorf("error is %v, want %q", err, c.says)
			}
		})
	}
}
