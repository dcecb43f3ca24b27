package components_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components"
	"github.com/opex-project/opex/internal/pulumitest"
)

func declareLab(t *testing.T, args *components.ChaosLabArgs) (*pulumitest.Record, error) {
	t.Helper()
	return onCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := components.NewChaosLab(ctx, "lab", args, on)
		return err
	})
}

func declareExperiment(t *testing.T, args *components.ChaosExperimentArgs) (*pulumitest.Record, error) {
	t.Helper()
	return onCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := components.NewChaosExperiment(ctx, "trial", args, on)
		return err
	})
}

// trial is an experiment on a service of three pods.
func trial(change func(*components.ChaosExperimentArgs)) *components.ChaosExperimentArgs {
	args := &components.ChaosExperimentArgs{Service: withDatabase().Service, Environment: "staging", Namespace: pulumi.String("shops")}
	args.Service.Replicas = 3
	change(args)
	return args
}

func experiment(change func(*components.ExperimentSpec)) *components.ChaosExperimentArgs {
	return trial(func(a *components.ChaosExperimentArgs) { change(&a.Service.Chaos) })
}

func TestChaosLabIsTheGoldenOne(t *testing.T) {
	record, err := declareLab(t, &components.ChaosLabArgs{EngineArgs: components.EngineArgs{Environment: "staging"}, Target: "shops"})
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "testdata/chaos-lab.yaml", record.Manifests(t))
}

func TestChaosExperimentsAreTheGoldenOnes(t *testing.T) {
	for file, change := range map[string]func(*components.ExperimentSpec){
		"pod-kill":       func(*components.ExperimentSpec) {},
		"pod-failure":    func(e *components.ExperimentSpec) { e.Action, e.Duration = "pod-failure", "30s" },
		"container-kill": func(e *components.ExperimentSpec) { e.Action = "container-kill" },
		"partition":      func(e *components.ExperimentSpec) { e.Kind, e.Duration = "NetworkChaos", "20s" },
		"stress": func(e *components.ExperimentSpec) {
			e.Kind, e.Duration = "StressChaos", "1m"
			e.Stress = &components.StressSpec{CPUWorkers: 2, CPULoad: 80, Memory: "64Mi"}
		},
		"graceful": func(e *components.ExperimentSpec) { e.GraceSeconds = 40 },
		"repeated": func(e *components.ExperimentSpec) { e.Schedule, e.StartingDeadline = "0 10 * * 1-5", "10m" },
	} {
		t.Run(file, func(t *testing.T) {
			record, err := declareExperiment(t, experiment(change))
			if err != nil {
				t.Fatal(err)
			}
			pulumitest.Golden(t, "testdata/chaos-"+file+".yaml", record.Manifests(t))
		})
	}
}

// TestAnExperimentReachesThePodsOfItsServiceAlone: not those of the database, nor of another service.
func TestAnExperimentReachesThePodsOfItsServiceAlone(t *testing.T) {
	record, err := declareExperiment(t, trial(func(*components.ChaosExperimentArgs) {}))
	if err != nil {
		t.Fatal(err)
	}
	aim := object(t, record.Find("trial-schedule").Inputs, "spec", "podChaos", "selector", "labelSelectors")
	app, err := declare(t, map[string]*components.CostLabeledAppArgs{"till": withDatabase()})
	if err != nil {
		t.Fatal(err)
	}
	hit := func(pods map[string]any) bool {
		for key, value := range aim {
			if pods[key] != value {
				return false
			}
		}
		return len(aim) > 0
	}
	if pods := object(t, app.Find("till-deployment").Inputs, "spec", "template", "metadata", "labels"); !hit(pods) {
		t.Errorf("%v does not reach the service's pods %v", aim, pods)
	}
	if pods := object(t, app.Find("till-db-statefulset").Inputs, "spec", "template", "metadata", "labels"); hit(pods) {
		t.Errorf("%v reaches the database's pods", aim)
	}
}

func TestChaosLabRefuses(t *testing.T) {
	valid := func(change func(*components.ChaosLabArgs)) *components.ChaosLabArgs {
		args := &components.ChaosLabArgs{EngineArgs: components.EngineArgs{Environment: "staging"}, Target: "shops"}
		change(args)
		return args
	}
	for name, c := range map[string]struct {
		args *components.ChaosLabArgs
		says string
	}{
		"nil":                    {nil, "Target: "},
		"production":             {valid(func(a *components.ChaosLabArgs) { a.Environment = "production" }), "Environment: is production: chaos is for staging only"},
		"no namespace to hold":   {valid(func(a *components.ChaosLabArgs) { a.Target = "" }), "Target: "},
		"a socket that is none":  {valid(func(a *components.ChaosLabArgs) { a.RuntimeSocket = "containerd.sock" }), "runtimeSocket: is \"containerd.sock\", want an absolute path"},
		"an image without a tag": {valid(func(a *components.ChaosLabArgs) { a.Images = components.Images{"chaos-mesh": "chaos-mesh"} }), "Images.chaos-mesh: "},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := declareLab(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `ChaosLab "lab"`) {
				t.Errorf("error is\n%v\nwant one that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}

func TestChaosExperimentRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args *components.ChaosExperimentArgs
		says string
	}{
		"nil":                       {nil, "Namespace: is nil: an experiment without one could reach every pod of the cluster"},
		"production":                {trial(func(a *components.ChaosExperimentArgs) { a.Environment = "production" }), "Environment: is production: chaos is for staging only"},
		"a single pod":              {trial(func(a *components.ChaosExperimentArgs) { a.Service.Replicas = 1 }), "Service.replicas: is 1: while its only pod is killed, nobody answers"},
		"a waived service":          {experiment(func(e *components.ExperimentSpec) { e.Waived = "it is a batch job" }), "Service.chaos.waived: is set"},
		"an unknown kind":           {experiment(func(e *components.ExperimentSpec) { e.Kind = "KernelChaos" }), `chaos.kind: is "KernelChaos", allowed are NetworkChaos, PodChaos, StressChaos`},
		"an unknown action":         {experiment(func(e *components.ExperimentSpec) { e.Action = "delay" }), `chaos.action: is "delay", allowed for PodChaos are pod-kill, pod-failure, container-kill`},
		"a kill that lasts":         {experiment(func(e *components.ExperimentSpec) { e.Duration = "30s" }), "chaos.duration: is 30s, and pod-kill is over at once"},
		"a failure without an end":  {experiment(func(e *components.ExperimentSpec) { e.Action = "pod-failure" }), `chaos.duration: is "", want a duration`},
		"grace for what is no kill": {experiment(func(e *components.ExperimentSpec) { e.Action, e.GraceSeconds = "container-kill", 5 }), "chaos.graceSeconds: is 5"},
		"stress of nothing":         {experiment(func(e *components.ExperimentSpec) { e.Kind, e.Duration = "StressChaos", "30s" }), "chaos.stress: burns nothing"},
		"stress for a kill":         {experiment(func(e *components.ExperimentSpec) { e.Stress = &components.StressSpec{CPUWorkers: 1, CPULoad: 50} }), "chaos.stress: is given, and the kind is PodChaos"},
		"no deadline":               {experiment(func(e *components.ExperimentSpec) { e.Schedule = "0 10 * * *" }), `chaos.startingDeadline: is "", want a duration`},
		"a deadline for nothing":    {experiment(func(e *components.ExperimentSpec) { e.StartingDeadline = "1m" }), "chaos.startingDeadline: is 1m, and there is no schedule"},
		"a schedule that is none":   {experiment(func(e *components.ExperimentSpec) { e.Schedule, e.StartingDeadline = "often", "1m" }), `chaos.schedule: is "often"`},
		"a limit below the target":  {experiment(func(e *components.ExperimentSpec) { e.Limit = "10s" }), "chaos.limit: is 10s, want more than recovery (30s)"},
		"a target of nothing":       {experiment(func(e *components.ExperimentSpec) { e.P95 = "0s" }), `chaos.p95: is "0s"`},
		"a trickle":                 {experiment(func(e *components.ExperimentSpec) { e.Load.Rate = 1 }), "chaos.load.rate: is 1, allowed are 10 to 5000 per second"},
		"a path without slash":      {experiment(func(e *components.ExperimentSpec) { e.Load.Reads = []string{"tasks"} }), `chaos.load.reads[0]: "tasks" is no HTTP path`},
		"a budget of nothing":       {experiment(func(e *components.ExperimentSpec) { e.ErrorBudget = &components.ErrorBudgetSpec{Availability: 0.9} }), "chaos.errorBudget.query: is empty"},
		"a budget without room": {experiment(func(e *components.ExperimentSpec) {
			e.ErrorBudget = &components.ErrorBudgetSpec{Query: "x", Availability: 1}
		}), "chaos.errorBudget.availability: is 1, want more than 0 and less than 1"},
		"writes of nothing": {experiment(func(e *components.ExperimentSpec) { e.Load.WriteShare = 0.5 }), "chaos.load.writeShare: is 0.5, want 0 to 1, and 0 without write"},
		"a body that is no JSON": {experiment(func(e *components.ExperimentSpec) {
			e.Load.Write = &components.SentinelSpec{Path: "/tasks", Body: "{"}
		}), "chaos.load.write.body: is no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := declareExperiment(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `ChaosExperiment "trial"`) {
				t.Errorf("error is\n%v\nwant one that says\n%s", err, c.says)
			}
			if len(record.Resources) != 1 {
				t.Errorf("registered in spite of it: %+v", record.Resources[1:])
			}
		})
	}
}
