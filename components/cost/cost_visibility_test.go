package cost_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/proof"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/pulumitest"
)

// visibility is valid and sets everything.
func visibility() *cost.CostVisibilityArgs {
	return &cost.CostVisibilityArgs{
		EngineArgs: platform.EngineArgs{
			Environment: "staging",
			Images: spec.Images{
				"prometheus": "example.com:5000/prometheus:v3.0@sha256:" + strings.Repeat("a", 64),
			},
		},
		Cost: spec.Cost{
			Currency: "EUR", Budgets: map[string]float64{"red": 100, "blue": 20.5}, StorageClass: "fast", Operator: true,
			Prices: &spec.Prices{CPUHour: 0.02, MemoryGiBHour: 0.003, StorageGiBHour: 0.0001, GPUHour: 0.9},
		},
		Scrapes:    cost.ScrapeOf(spec.Service{Name: "shop", MetricsPath: "/metrics"}, "shops"),
		Namespaces: []string{"shops"},
		Rules: append(
			backup.Rules(
				[]backup.Watch{
					{Service: "shop", Schedule: "shops-shop", RPO: 24 * time.Hour, DrillAge: 168 * time.Hour},
				},
			),
			proof.Rules()...),
	}
}

func declareCost(t *testing.T, args *cost.CostVisibilityArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := cost.NewCostVisibility(ctx, "cost", args, on)
		return err
	})
}

func TestCostVisibilityIsTheGoldenOne(t *testing.T) {
	record, err := declareCost(t, visibility())
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "testdata/cost-visibility.yaml", record.Manifests(t))
}

// The file is what `promtool test rules` reads beside cost-rules-test.yaml (scripts/test).
func TestRulesAreTheGoldenOnes(t *testing.T) {
	record, err := declareCost(t, visibility())
	if err != nil {
		t.Fatal(err)
	}
	files := record.Find("cost-prometheus").Inputs["values"].(map[string]any)["serverFiles"].(map[string]any)
	text, err := yaml.Marshal(files["alerting_rules.yml"])
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "testdata/cost-rules.yaml", text)
}

func TestPricesReachOpenCostPerMonthAndNoneIsLeftToTheChart(t *testing.T) {
	record, err := declareCost(t, visibility())
	if err != nil {
		t.Fatal(err)
	}
	values := record.Find("cost-opencost").Inputs["values"].(map[string]any)
	model := values["opencost"].(map[string]any)["customPricing"].(map[string]any)["costModel"].(map[string]any)
	want := map[string]string{
		"CPU": "14.6", "spotCPU": "14.6", "RAM": "2.19", "spotRAM": "2.19", "GPU": "657", "storage": "0.073",
		"zoneNetworkEgress": "0", "regionNetworkEgress": "0", "internetNetworkEgress": "0", "currencyCode": "EUR", "customPricesEnabled": "true",
	}
	for key, value := range want {
		if model[key] != value {
			t.Errorf("%s is %v, want %s", key, model[key], value)
		}
	}
}

func TestWithoutPricesTheCloudsListServes(t *testing.T) {
	args := visibility()
	args.Cost.Prices, args.Cost.Currency = nil, "USD"
	record, err := declareCost(t, args)
	if err != nil {
		t.Fatal(err)
	}
	values := record.Find("cost-opencost").Inputs["values"].(map[string]any)
	pricing := values["opencost"].(map[string]any)["customPricing"].(map[string]any)
	if pricing["enabled"] != false || pricing["costModel"] != nil {
		t.Errorf("custom pricing is %v", pricing)
	}
}

func TestNewRuleOrScrapeStartsPrometheusAnew(t *testing.T) {
	digest := func(change func(*cost.CostVisibilityArgs)) any {
		args := visibility()
		change(args)
		record, err := declareCost(t, args)
		if err != nil {
			t.Fatal(err)
		}
		server := record.Find("cost-prometheus").Inputs["values"].(map[string]any)["server"].(map[string]any)
		return server["podAnnotations"].(map[string]any)["opex/config-digest"]
	}
	same := digest(func(*cost.CostVisibilityArgs) {})
	if again := digest(func(*cost.CostVisibilityArgs) {}); again != same {
		t.Errorf("nothing changed, and the digest did: %v, %v", same, again)
	}
	if budget := digest(func(a *cost.CostVisibilityArgs) { a.Cost.Budgets = map[string]float64{"red": 101} }); budget == same {
		t.Error("a new budget leaves Prometheus with the old rules")
	}
	if scrape := digest(func(a *cost.CostVisibilityArgs) { a.Scrapes = nil }); scrape == same {
		t.Error("a new scrape leaves Prometheus with the old ones")
	}
}

func TestCostVisibilityRefuses(t *testing.T) {
	change := func(change func(*cost.CostVisibilityArgs)) *cost.CostVisibilityArgs {
		args := visibility()
		change(args)
		return args
	}
	money := func(with func(*spec.Cost)) *cost.CostVisibilityArgs {
		return change(func(a *cost.CostVisibilityArgs) { with(&a.Cost) })
	}
	image := func(name, image string) *cost.CostVisibilityArgs {
		return change(func(a *cost.CostVisibilityArgs) { a.Images = spec.Images{name: image} })
	}
	cases := map[string]struct {
		args *cost.CostVisibilityArgs
		says string
	}{
		"nil": {nil, "Environment: is empty"},
		"a word as currency": {
			money(func(c *spec.Cost) { c.Currency = "euro" }), `Cost.currency: "euro" is no ISO 4217 code`,
		},
		"a price of nothing": {
			money(func(c *spec.Cost) { c.Prices = &spec.Prices{} }),
			"Cost.prices.cpuHour: is 0, want 1e-06 or more",
		},
		"a negative GPU": {
			money(func(c *spec.Cost) { c.Prices.GPUHour = -1 }),
			"Cost.prices.gpuHour: is -1, want 0 or more",
		},
		"a budget of nothing": {
			money(func(c *spec.Cost) { c.Budgets["red"] = 0 }),
			"Cost.budgets.red: is 0, want more than 0",
		},
		"a team that cannot be": {
			money(func(c *spec.Cost) { c.Budgets["a team"] = 1 }), `"a team" is no label value`,
		},
		"retention in words": {
			money(func(c *spec.Cost) { c.Retention = "a week" }), `Cost.retention: "a week" is no Prometheus duration`,
		},
		"retention in parts": {
			money(func(c *spec.Cost) { c.Retention = "1.5d" }), `Cost.retention: "1.5d" is no Prometheus duration`,
		},
		"a volume of no size": {money(func(c *spec.Cost) { c.StorageSize = "0" }), "Cost.storageSize: is 0"},
		"an impossible class": {
			money(func(c *spec.Cost) { c.StorageClass = "Fast!" }), `Cost.storageClass: "Fast!"`,
		},
		"an owner that cannot be": {
			change(func(a *cost.CostVisibilityArgs) { a.Owner.Team = "us all" }), `team: "us all" is no label value`,
		},
		"an unknown image": {
			image("grafana", "grafana:1"),
			"Images.grafana: is no image of an engine; those are [chaos-daemon chaos-mesh metrics-server opencost opex opex-load pause prometheus velero velero-plugin-for-aws vpa-recommender]",
		},
		"an image without a tag": {
			image("opencost", "opencost@sha256:"+strings.Repeat("a", 64)),
			"Images.opencost: ",
		},
		"an image that is none": {image("opencost", "no image"), `Images.opencost: "no image" is no image name`},
		"half a scrape": {
			change(func(a *cost.CostVisibilityArgs) { a.Scrapes[0].Path = "" }),
			"Scrapes[0]: needs",
		},
		"the same scrape once more": {
			change(func(a *cost.CostVisibilityArgs) { a.Scrapes = append(a.Scrapes, a.Scrapes[0]) }),
			"Scrapes[1]: shops/shop is scraped twice",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			record, err := declareCost(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), `CostVisibility "cost"`) {
				t.Errorf("error is\n%v\nwant one of CostVisibility \"cost\" that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}
