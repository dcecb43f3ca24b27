package chaos_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/chaos"
	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/components/spec/spectest"
	"github.com/opex-project/opex/internal/pulumitest"
)

func declareLab(t *testing.T, args *chaos.ChaosLabArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := chaos.NewChaosLab(ctx, "lab", args, on)
		return err
	})
}

func declareExperiment(t *testing.T, args *chaos.ChaosExperimentArgs) (*pulumitest.Record, error) {
	t.Helper()
	return pulumitest.OnCluster(t, func(ctx *pulumi.Context, on pulumi.ResourceOption) error {
		_, err := chaos.NewChaosExperiment(ctx, "trial", args, on)
		return err
	})
}

// trial is an experiment on a service of three pods.
func trial(change func(*chaos.ChaosExperimentArgs)) *chaos.ChaosExperimentArgs {
	args := &chaos.ChaosExperimentArgs{
		Service:     spectest.Till(),
		Environment: "staging",
		Namespace:   pulumi.String("shops"),
	}
	args.Service.Replicas = 3
	change(args)
	return args
}

func experiment(change func(*spec.Experiment)) *chaos.ChaosExperimentArgs {
	return trial(func(a *chaos.ChaosExperimentArgs) { change(&a.Service.Chaos) })
}

func TestChaosLabIsTheGoldenOne(t *testing.T) {
	record, err := declareLab(
		t, &chaos.ChaosLabArgs{EngineArgs: platform.EngineArgs{Environment: "staging"}, Target: "shops"},
	)
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "testdata/chaos-lab.yaml", record.Manifests(t))
}

func TestChaosExperimentsAreTheGoldenOnes(t *testing.T) {
	for file, change := range map[string]func(*spec.Experiment){
		"pod-kill":       func(*spec.Experiment) {},
		"pod-failure":    func(e *spec.Experiment) { e.Action, e.Duration = "pod-failure", "30s" },
		"container-kill": func(e *spec.Experiment) { e.Action = "container-kill" },
		"partition":      func(e *spec.Experiment) { e.Kind, e.Duration = "NetworkChaos", "20s" },
		"stress": func(e *spec.Experiment) {
			e.Kind, e.Duration = "StressChaos", "1m"
			e.Stress = &spec.Stress{CPUWorkers: 2, CPULoad: 80, Memory: "64Mi"}
		},
		"graceful": func(e *spec.Experiment) { e.GraceSeconds = 40 },
		"repeated": func(e *spec.Experiment) { e.Schedule, e.StartingDeadline = "0 10 * * 1-5", "10m" },
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

// TestTheLabIsReadyOnceItsWebhookListens: the chart has no probe, and the API server refuses every experiment until
// then.
func TestTheLabIsReadyOnceItsWebhookListens(t *testing.T) {
	record, err := declareLab(
		t, &chaos.ChaosLabArgs{EngineArgs: platform.EngineArgs{Environment: "staging"}, Target: "shops"},
	)
	if err != nil {
		t.Fatal(err)
	}
	patch := record.Find("lab-webhook")
	container := pulumitest.Object(t, patch.Inputs, "spec", "template", "spec")["containers"].([]any)[0]
	if probe := pulumitest.Object(t, container, "readinessProbe", "tcpSocket"); probe["port"] != "webhook" {
		t.Errorf("the probe asks %v", probe)
	}
	if !strings.Contains(strings.Join(patch.DependsOn, " "), record.Find("lab-mesh").URN) {
		t.Error("it does not wait for the release")
	}
}

// TestAnExperimentReachesThePodsOfItsServiceAlone: not those of the database, nor of another service.
func TestAnExperimentReachesThePodsOfItsServiceAlone(t *testing.T) {
	record, err := declareExperiment(t, trial(func(*chaos.ChaosExperimentArgs) {}))
	if err != nil {
		t.Fatal(err)
	}
	aim := pulumitest.Object(t, record.Find("trial-schedule").Inputs, "spec", "podChaos", "selector", "labelSelectors")
	app, err := declareApp(t)
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
	if pods := pulumitest.Object(t, app.Find("till-deployment").Inputs, "spec", "template", "metadata", "labels"); !hit(
		pods,
	) {
		t.Errorf("%v does not reach the service's pods %v", aim, pods)
	}
	if pods := pulumitest.Object(t, app.Find("till-db-statefulset").Inputs, "spec", "template", "metadata", "labels"); hit(
		pods,
	) {
		t.Errorf("%v reaches the database's pods", aim)
	}
}

func TestChaosLabRefuses(t *testing.T) {
	valid := func(change func(*chaos.ChaosLabArgs)) *chaos.ChaosLabArgs {
		args := &chaos.ChaosLabArgs{EngineArgs: platform.EngineArgs{Environment: "staging"}, Target: "shops"}
		change(args)
		return args
	}
	for name, c := range map[string]struct {
		args *chaos.ChaosLabArgs
		says string
	}{
		"nil":                    {nil, "Target: "},
		"production":             {valid(func(a *chaos.ChaosLabArgs) { a.Environment = "production" }), "Environment: is production: chaos is for staging only"},
		"no namespace to hold":   {valid(func(a *chaos.ChaosLabArgs) { a.Target = "" }), "Target: "},
		"a socket that is none":  {valid(func(a *chaos.ChaosLabArgs) { a.RuntimeSocket = "containerd.sock" }), "runtimeSocket: is \"containerd.sock\", want an absolute path"},
		"an image without a tag": {valid(func(a *chaos.ChaosLabArgs) { a.Images = spec.Images{"chaos-mesh": "chaos-mesh"} }), "Images.chaos-mesh: "},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := declareLab(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), `ChaosLab "lab"`) {
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
		args *chaos.ChaosExperimentArgs
		says string
	}{
		"nil":                       {nil, "Namespace: is nil: an experiment without one could reach every pod of the cluster"},
		"production":                {trial(func(a *chaos.ChaosExperimentArgs) { a.Environment = "production" }), "Environment: is production: chaos is for staging only"},
		"a single pod":              {trial(func(a *chaos.ChaosExperimentArgs) { a.Service.Replicas = 1 }), "Service.replicas: is 1: while its only pod is killed, nobody answers"},
		"a waived service":          {experiment(func(e *spec.Experiment) { e.Waived = "it is a batch job" }), "Service.chaos.waived: is set"},
		"an unknown kind":           {experiment(func(e *spec.Experiment) { e.Kind = "KernelChaos" }), `chaos.kind: is "KernelChaos", allowed are NetworkChaos, PodChaos, StressChaos`},
		"an unknown action":         {experiment(func(e *spec.Experiment) { e.Action = "delay" }), `chaos.action: is "delay", allowed for PodChaos are pod-kill, pod-failure, container-kill`},
		"a kill that lasts":         {experiment(func(e *spec.Experiment) { e.Duration = "30s" }), "chaos.duration: is 30s, and pod-kill is over at once"},
		"a failure without an end":  {experiment(func(e *spec.Experiment) { e.Action = "pod-failure" }), `chaos.duration: is "", want a duration`},
		"grace for what is no kill": {experiment(func(e *spec.Experiment) { e.Action, e.GraceSeconds = "container-kill", 5 }), "chaos.graceSeconds: is 5"},
		"stress of nothing":         {experiment(func(e *spec.Experiment) { e.Kind, e.Duration = "StressChaos", "30s" }), "chaos.stress: burns nothing"},
		"stress for a kill":         {experiment(func(e *spec.Experiment) { e.Stress = &spec.Stress{CPUWorkers: 1, CPULoad: 50} }), "chaos.stress: is given, and the kind is PodChaos"},
		"no deadline":               {experiment(func(e *spec.Experiment) { e.Schedule = "0 10 * * *" }), `chaos.startingDeadline: is "", want a duration`},
		"a deadline for nothing":    {experiment(func(e *spec.Experiment) { e.StartingDeadline = "1m" }), "chaos.startingDeadline: is 1m, and there is no schedule"},
		"a schedule that is none":   {experiment(func(e *spec.Experiment) { e.Schedule, e.StartingDeadline = "often", "1m" }), `chaos.schedule: is "often"`},
		"a limit below the target":  {experiment(func(e *spec.Experiment) { e.Limit = "10s" }), "chaos.limit: is 10s, want more than recovery (30s)"},
		"a target of nothing":       {experiment(func(e *spec.Experiment) { e.P95 = "0s" }), `chaos.p95: is "0s"`},
		"a trickle":                 {experiment(func(e *spec.Experiment) { e.Load.Rate = 1 }), "chaos.load.rate: is 1, allowed are 10 to 5000 per second"},
		"a path without slash":      {experiment(func(e *spec.Experiment) { e.Load.Reads = []string{"tasks"} }), `chaos.load.reads[0]: "tasks" is no HTTP path`},
		"a budget of nothing":       {experiment(func(e *spec.Experiment) { e.ErrorBudget = &spec.ErrorBudget{Availability: 0.9} }), "chaos.errorBudget.query: is empty"},
		"a budget without room": {experiment(func(e *spec.Experiment) {
			e.ErrorBudget = &spec.ErrorBudget{Query: "x", Availability: 1}
		}), "chaos.errorBudget.availability: is 1, want more than 0 and less than 1"},
		"writes of nothing": {experiment(func(e *spec.Experiment) { e.Load.WriteShare = 0.5 }), "chaos.load.writeShare: is 0.5, want 0 to 1, and 0 without write"},
		"a body that is no JSON": {experiment(func(e *spec.Experiment) {
			e.Load.Write = &spec.Sentinel{Path: "/tasks", Body: "{"}
		}), "chaos.load.write.body: is no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := declareExperiment(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), `ChaosExperiment "trial"`) {
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
