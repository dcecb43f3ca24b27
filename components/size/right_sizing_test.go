package size_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/size"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/components/spec/spectest"
	"github.com/opex-project/opex/internal/pulumitest"
)

// sizing is valid: a service with a database.
func sizing() *size.RightSizingArgs {
	return &size.RightSizingArgs{Service: spectest.Till(), Environment: "staging", Namespace: pulumi.String("shops")}
}

func declareSizing(t *testing.T, args *size.RightSizingArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := size.NewRightSizing(ctx, "size", args, on)
		return err
	})
}

func TestServiceAndDatabaseAreAdvisedOnAndNeverChanged(t *testing.T) {
	record, err := declareSizing(t, sizing())
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "testdata/right-sizing.yaml", record.Manifests(t))
}

func TestSizeAdvisorInstallsTheRecommenderAlone(t *testing.T) {
	for _, metricsServer := range []bool{true, false} {
		record, err := pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
			_, err := size.NewSizeAdvisor(ctx, "size", &size.SizeAdvisorArgs{
				EngineArgs: platform.EngineArgs{Environment: "staging"}, MetricsServer: metricsServer,
			}, on)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		file := map[bool]string{true: "testdata/size-advisor.yaml", false: "testdata/size-advisor-without-metrics-server.yaml"}[metricsServer]
		pulumitest.Golden(t, file, record.Manifests(t))
	}
}

func TestHorizontalScalingBesideAdviceIsWarnedOf(t *testing.T) {
	args := sizing()
	args.Service.RightSizing.HorizontallyScaledBy = []string{"cpu", "memory"}
	record, err := declareSizing(t, args)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(record.Clear(), "a HorizontalPodAutoscaler scales till by cpu and memory") {
		t.Errorf("nothing was said: %s", record.Clear())
	}
}

func TestRightSizingRefuses(t *testing.T) {
	change := func(change func(*size.RightSizingArgs)) *size.RightSizingArgs {
		args := sizing()
		change(args)
		return args
	}
	advice := func(with func(*spec.RightSizing)) *size.RightSizingArgs {
		return change(func(a *size.RightSizingArgs) { with(&a.Service.RightSizing) })
	}
	cases := map[string]struct {
		args *size.RightSizingArgs
		says string
	}{
		"nil": {nil, "Namespace: is nil"},
		"no environment": {
			change(func(a *size.RightSizingArgs) { a.Environment = "" }),
			"Environment: is empty",
		},
		"another mode without a reason": {
			advice(func(r *spec.RightSizing) { r.Mode = "Recreate" }),
			"rightSizing.mode: is Recreate, which changes pods while they serve",
		},
		"a reason that is none": {
			advice(func(r *spec.RightSizing) { r.Mode, r.Reason = "Initial", "because" }),
			"rightSizing.mode: is Initial",
		},
		"a mode of another version": {
			advice(func(r *spec.RightSizing) { r.Mode, r.Reason = "Auto", "we like it so" }),
			`rightSizing.mode: is "Auto", allowed are Off, Initial, Recreate, InPlaceOrRecreate`,
		},
		"the request below the bounds": {
			advice(func(r *spec.RightSizing) { r.Min.CPU = "300m" }),
			"rightSizing.min.cpu: is 300m, more than the request of 250m",
		},
		"the request above the bounds": {
			advice(func(r *spec.RightSizing) { r.Max.Memory = "256Mi" }),
			"rightSizing.max.memory: is 256Mi, less than the request of 512Mi",
		},
		"bounds the wrong way round": {
			advice(func(r *spec.RightSizing) { r.Min.CPU, r.Max.CPU = "3", "2" }),
			"rightSizing.min.cpu: is 3, more than max.cpu (2)",
		},
		"a word as bound": {
			advice(func(r *spec.RightSizing) { r.Max.CPU = "much" }), `rightSizing.max.cpu: "much" is no quantity`,
		},
		"the database's bounds": {
			change(func(a *size.RightSizingArgs) { a.Service.Database.RightSizing.Min.Memory = "1Gi" }),
			"database.rightSizing.min.memory: is 1Gi, more than the request of 256Mi",
		},
		"horizontal scaling by pods": {
			advice(func(r *spec.RightSizing) { r.HorizontallyScaledBy = []string{"cpu", "pods"} }),
			`rightSizing.horizontallyScaledBy[1]: is "pods", allowed are cpu and memory`,
		},
		"two that change the same pods": {advice(func(r *spec.RightSizing) {
			r.HorizontallyScaledBy, r.Mode, r.Reason = []string{"cpu"}, "Recreate", "nights are idle anyway"
		}), "rightSizing.mode: is Recreate, while a HorizontalPodAutoscaler scales the pods by cpu"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			record, err := declareSizing(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), `RightSizing "size"`) {
				t.Errorf("error is\n%v\nwant one of RightSizing \"size\" that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}
