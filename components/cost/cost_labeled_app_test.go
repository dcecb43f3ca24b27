package cost_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/components/spec/spectest"
	"github.com/opex-project/opex/internal/pulumitest"
)

// declare runs NewCostLabeledApp for each of the arguments by name.
func declare(t *testing.T, apps map[string]*cost.CostLabeledAppArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		for name, args := range apps {
			if _, err := cost.NewCostLabeledApp(ctx, name, args, on); err != nil {
				return err
			}
		}
		return nil
	})
}

// shop is a valid service without a database, and till one that has it.
func shop() *cost.CostLabeledAppArgs {
	return &cost.CostLabeledAppArgs{Service: spectest.Shop(), Environment: "staging", Namespace: pulumi.String("shops")}
}

func till() *cost.CostLabeledAppArgs {
	return &cost.CostLabeledAppArgs{Service: spectest.Till(), Environment: "staging", Namespace: pulumi.String("shops"),
		DatabasePassword: pulumi.String("hidden-in-the-cellar")}
}

func TestTwoServicesSideBySideAreTheGoldenOnes(t *testing.T) {
	record, err := declare(t, map[string]*cost.CostLabeledAppArgs{"shop": shop(), "till": till()})
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "testdata/two-services.yaml", record.Manifests(t))
}

// The official provider waits until a claim whose class binds at first use is Pending; this one is Bound for ever.
func TestOwnersAndSizesReachClaimsByForceAndUnawaited(t *testing.T) {
	record, err := declare(t, map[string]*cost.CostLabeledAppArgs{"till": till()})
	if err != nil {
		t.Fatal(err)
	}
	for _, claim := range []string{"till-db-data-claim", "till-db-dumps-claim"} {
		metadata := pulumitest.Object(t, record.Find(claim).Inputs, "metadata")
		annotations := pulumitest.Object(t, metadata, "annotations")
		if annotations["pulumi.com/patchForce"] != "true" || annotations["pulumi.com/skipAwait"] != "true" {
			t.Errorf("%s has the annotations %v", claim, annotations)
		}
		if team := pulumitest.Object(t, metadata, "labels")["team"]; team != "product-team" {
			t.Errorf("%s belongs to team %v", claim, team)
		}
	}
}

func TestPlainPasswordBecomesASecret(t *testing.T) {
	record, err := declare(t, map[string]*cost.CostLabeledAppArgs{"till": till()})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(record.Clear(), "hidden-in-the-cellar") {
		t.Errorf("the password can be read in the record:\n%s", record.Clear())
	}
	if len(record.Find("till-db-secret").Secrets) == 0 {
		t.Error("the Secret holds nothing secret")
	}
}

func TestArgumentsStayAsTheCallerMadeThem(t *testing.T) {
	args := till()
	if _, err := declare(t, map[string]*cost.CostLabeledAppArgs{"till": args}); err != nil {
		t.Fatal(err)
	}
	if args.Service.Team != "" || args.Service.Database.Image != "" {
		t.Errorf("defaults were written into the caller's arguments: %+v", args.Service)
	}
}

func TestReplicasAreLeftToWhoeverScalesThem(t *testing.T) {
	args := shop()
	args.Service.RightSizing.HorizontallyScaledBy = []string{"cpu"}
	record, err := declare(t, map[string]*cost.CostLabeledAppArgs{"shop": args})
	if err != nil {
		t.Fatal(err)
	}
	if replicas, set := record.Find("shop-deployment").Inputs["spec"].(map[string]any)["replicas"]; set {
		t.Errorf("replicas are set to %v: each update would undo the scaling", replicas)
	}
}

func TestCostLabeledAppRefuses(t *testing.T) {
	change := func(change func(*cost.CostLabeledAppArgs)) *cost.CostLabeledAppArgs {
		args := till()
		change(args)
		return args
	}
	service := func(with func(*spec.Service)) *cost.CostLabeledAppArgs {
		return change(func(a *cost.CostLabeledAppArgs) { with(&a.Service) })
	}
	image := func(image string) *cost.CostLabeledAppArgs {
		return service(func(s *spec.Service) { s.Image = image })
	}
	cases := map[string]struct {
		args *cost.CostLabeledAppArgs
		says string
	}{
		"nil":     {nil, `name: "" is no DNS label`},
		"nothing": {&cost.CostLabeledAppArgs{}, "Namespace: is nil"},
		"no environment": {
			change(func(a *cost.CostLabeledAppArgs) { a.Environment = "" }),
			"Environment: is empty: its costs would belong to nobody",
		},
		"no namespace": {
			change(func(a *cost.CostLabeledAppArgs) { a.Namespace = nil }),
			"Namespace: is nil",
		},
		"no password": {
			change(func(a *cost.CostLabeledAppArgs) { a.DatabasePassword = nil }),
			"DatabasePassword: is nil, but the service has a database",
		},
		"password without database": {
			service(func(s *spec.Service) { s.Database = nil }),
			"DatabasePassword: is given, but the service has no database",
		},
		"a name in capitals": {
			service(func(s *spec.Service) { s.Name = "Shop" }), `name: "Shop" is no DNS label`,
		},
		"a name of digits": {
			service(func(s *spec.Service) { s.Name = "1shop" }), `name: "1shop" is no DNS label`,
		},
		"a long name": {
			service(func(s *spec.Service) { s.Name = strings.Repeat("a", 41) }), "has 41 characters, allowed are 40",
		},
		"a team with spaces": {
			service(func(s *spec.Service) { s.Team = "a team" }), `team: "a team" is no label value`,
		},
		"no image": {image(""), `image: "" is no image name`},
		"an image without tag": {
			image("example.com:5000/shop"), `image: "example.com:5000/shop" has neither tag nor digest`,
		},
		"the tag latest": {image("shop:latest"), "the tag latest moves"},
		"half a digest":  {image("shop@sha256:abc"), "is no image name"},
		"a privileged port": {
			service(func(s *spec.Service) { s.Port = 80 }),
			"port: is 80, allowed are 1024 to 65535",
		},
		"negative replicas": {
			service(func(s *spec.Service) { s.Replicas = -1 }),
			"replicas: is -1, want 1 or more",
		},
		"requests above limits": {
			service(func(s *spec.Service) { s.Resources.Requests.Memory = "2Gi" }),
			"resources.requests.memory: is 2Gi, more than limits.memory (1Gi)",
		},
		"a word as quantity": {
			service(func(s *spec.Service) { s.Resources.Limits.CPU = "lots" }),
			`resources.limits.cpu: "lots" is no quantity`,
		},
		"no CPU at all": {
			service(func(s *spec.Service) { s.Resources.Requests.CPU = "0" }),
			"resources.requests.cpu: is 0, want more than 0",
		},
		"a path without slash": {
			service(func(s *spec.Service) { s.HealthPath = "health" }), `healthPath: "health" is no HTTP path`,
		},
		"a variable of the program": {
			service(func(s *spec.Service) { s.Env = map[string]string{"PGPASSWORD": "x"} }),
			"env.PGPASSWORD: is set by the program",
		},
		"a password in clear": {
			service(func(s *spec.Service) { s.Database = nil; s.Env = map[string]string{"PGPASSWORD": "x"} }),
			"env.PGPASSWORD: would stand in clear",
		},
		"a variable with a dash": {
			service(func(s *spec.Service) { s.Env = map[string]string{"A-B": "x"} }), "env.A-B: a valid C identifier",
		},
		"a label of the program": {
			service(func(s *spec.Service) { s.Labels = map[string]string{"team": "x"} }),
			"labels.team: is set by the program",
		},
		"an impossible label": {
			service(func(s *spec.Service) { s.Labels = map[string]string{"a/b/c": "x"} }), "labels.a/b/c: ",
		},
		"two colliding labels": {
			service(func(s *spec.Service) { s.Labels = map[string]string{"a.b": "x", "a-b": "y"} }),
			"labels: a-b and a.b become one key, a_b, in metrics",
		},
		"another kind of database": {
			service(func(s *spec.Service) { s.Database.Kind = "mysql" }),
			`database.kind: is "mysql", allowed is postgres`,
		},
		"a database without tag": {
			service(func(s *spec.Service) { s.Database.Image = "postgres" }),
			"database.image: \"postgres\" has neither tag nor digest",
		},
		"a volume of no size": {
			service(func(s *spec.Service) { s.Database.DumpSize = "0" }),
			"database.dumpSize: is 0, want more than 0",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			record, err := declare(t, map[string]*cost.CostLabeledAppArgs{"mine": c.args})
			if err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), `CostLabeledApp "mine"`) {
				t.Errorf("error is\n%v\nwant one of CostLabeledApp \"mine\" that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}
