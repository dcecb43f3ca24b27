package components_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/components"
	"github.com/opex-project/opex/internal/pulumitest"
)

// visibility is valid and sets everything.
func visibility() *components.CostVisibilityArgs {
	return &components.CostVisibilityArgs{
		EngineArgs: components.EngineArgs{Environment: "staging", Images: components.Images{"prometheus": "example.com:5000/prometheus:v3.0@sha256:" + strings.Repeat("a", 64)}},
		Cost: components.CostSpec{
			Currency: "EUR", Budgets: map[string]float64{"red": 100, "blue": 20.5}, StorageClass: "fast", Operator: true,
			Prices: &components.PricesSpec{CPUHour: 0.02, MemoryGiBHour: 0.003, StorageGiBHour: 0.0001, GPUHour: 0.9},
		},
		Scrapes:    components.ScrapeOf(components.ServiceSpec{Name: "shop", MetricsPath: "/metrics"}, "shops"),
		Namespaces: []string{"shops"},
		Backups:    []components.BackupWatch{{Service: "shop", Schedule: "shops-shop", RPO: 24 * time.Hour, DrillAge: 168 * time.Hour}},
		Proof:      true,
	}
}

func declareCost(t *testing.T, args *components.CostVisibilityArgs) (*pulumitest.Record, error) {
	t.Helper()
	return onCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := components.NewCostVisibility(ctx, "cost", args, on)
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
	args.Cost.Prices = nil
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
	digest := func(change func(*components.CostVisibilityArgs)) any {
		args := visibility()
		change(args)
		record, err := declareCost(t, args)
		if err != nil {
			t.Fatal(err)
		}
		server := record.Find("cost-prometheus").Inputs["values"].(map[string]any)["server"].(map[string]any)
		return server["podAnnotations"].(map[string]any)["opex/config-digest"]
	}
	same := digest(func(*components.CostVisibilityArgs) {})
	if again := digest(func(*components.CostVisibilityArgs) {}); again != same {
		t.Errorf("nothing changed, and the digest did: %v, %v", same, again)
	}
	if budget := digest(func(a *components.CostVisibilityArgs) { a.Cost.Budgets = map[string]float64{"red": 101} }); budget == same {
		t.Error("a new budget leaves Prometheus with the old rules")
	}
	if scrape := digest(func(a *components.CostVisibilityArgs) { a.Scrapes = nil }); scrape == same {
		t.Error("a new scrape leaves Prometheus with the old ones")
	}
}

func TestCostVisibilityRefuses(t *testing.T) {
	change := func(change func(*components.CostVisibilityArgs)) *components.CostVisibilityArgs {
		args := visibility()
		change(args)
		return args
	}
	cost := func(with func(*components.CostSpec)) *components.CostVisibilityArgs {
		return change(func(a *components.CostVisibilityArgs) { with(&a.Cost) })
	}
	image := func(name, image string) *components.CostVisibilityArgs {
		return change(func(a *components.CostVisibilityArgs) { a.Images = components.Images{name: image} })
	}
	cases := map[string]struct {
		args *components.CostVisibilityArgs
		says string
	}{
		"nil":                       {nil, "Environment: is empty"},
		"a word as currency":        {cost(func(c *components.CostSpec) { c.Currency = "euro" }), `Cost.currency: "euro" is no ISO 4217 code`},
		"a price of nothing":        {cost(func(c *components.CostSpec) { c.Prices = &components.PricesSpec{} }), "Cost.prices.cpuHour: is 0, want 1e-06 or more"},
		"a negative GPU":            {cost(func(c *components.CostSpec) { c.Prices.GPUHour = -1 }), "Cost.prices.gpuHour: is -1, want 0 or more"},
		"a budget of nothing":       {cost(func(c *components.CostSpec) { c.Budgets["red"] = 0 }), "Cost.budgets.red: is 0, want more than 0"},
		"a team that cannot be":     {cost(func(c *components.CostSpec) { c.Budgets["a team"] = 1 }), `"a team" is no label value`},
		"retention in words":        {cost(func(c *components.CostSpec) { c.Retention = "a week" }), `Cost.retention: "a week" is no Prometheus duration`},
		"retention in parts":        {cost(func(c *components.CostSpec) { c.Retention = "1.5d" }), `Cost.retention: "1.5d" is no Prometheus duration`},
		"a volume of no size":       {cost(func(c *components.CostSpec) { c.StorageSize = "0" }), "Cost.storageSize: is 0"},
		"an impossible class":       {cost(func(c *components.CostSpec) { c.StorageClass = "Fast!" }), `Cost.storageClass: "Fast!"`},
		"an owner that cannot be":   {change(func(a *components.CostVisibilityArgs) { a.Owner.Team = "us all" }), `team: "us all" is no label value`},
		"an unknown image":          {image("grafana", "grafana:1"), "Images.grafana: is no image of an engine; those are [chaos-daemon chaos-mesh metrics-server opencost opex opex-load pause prometheus velero velero-plugin-for-aws vpa-recommender]"},
		"an image without a tag":    {image("opencost", "opencost@sha256:"+strings.Repeat("a", 64)), "Images.opencost: "},
		"an image that is none":     {image("opencost", "no image"), `Images.opencost: "no image" is no image name`},
		"half a scrape":             {change(func(a *components.CostVisibilityArgs) { a.Scrapes[0].Path = "" }), "Scrapes[0]: needs"},
		"the same scrape once more": {change(func(a *components.CostVisibilityArgs) { a.Scrapes = append(a.Scrapes, a.Scrapes[0]) }), "Scrapes[1]: shops/shop is scraped twice"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			record, err := declareCost(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `CostVisibility "cost"`) {
				t.Errorf("error is\n%v\nwant one of CostVisibility \"cost\" that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}
