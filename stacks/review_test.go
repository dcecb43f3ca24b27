package stacks

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/pulumitest"
	"github.com/opex-project/opex/internal/review"
)

func TestAPreviewReviewsAllThatIsDeclared(t *testing.T) {
	for _, stack := range stackNames {
		for _, made := range []bool{false, true} { // the first preview knows no ID of anything
			t.Run(fmt.Sprintf("%s, made before: %v", stack, made), func(t *testing.T) {
				homeWithKubeconfig(t)
				record, err := deploy(t, stack, stackConfig(t, stack), pulumitest.Options{Preview: true, Made: made})
				if err != nil {
					t.Fatal(err)
				}
				isReviewed(t, record)
				if len(record.SecretOutputs) > 0 {
					t.Errorf("outputs became secret: %v", record.SecretOutputs)
				}
				if !made {
					return
				}
				text, err := json.MarshalIndent(record.Outputs, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				// the same as without a preview
				pulumitest.Golden(t, "testdata/"+stack+"-outputs.json", append(text, '\n'))
			})
		}
	}
}

// isReviewed requires that a preview reviewed all that was declared, and found nothing.
func isReviewed(t *testing.T, record *pulumitest.Record) {
	t.Helper()
	objects := 0
	for _, r := range record.Resources {
		if kind := r.Inputs["kind"]; kind != nil && kind != "Secret" && kind != "ConfigMap" &&
			!strings.HasSuffix(r.Type, "Patch") {
			objects++
		}
	}
	said := strings.Join(record.Messages, "\n")
	if want := fmt.Sprintf("opex review: nothing found by %d rules in %d objects", len(review.Rules), objects); objects < 10 ||
		!strings.Contains(said, want) {
		t.Errorf("want %q, it says: %s", want, said)
	}
	if strings.Contains(said, "could be judged") {
		t.Errorf("not all was judged: %s", said)
	}
}

func TestWhatTheConfigAllowsPassesTheReview(t *testing.T) {
	sized := func(sizing string) string {
		return `[{"name": "task-api", "image": "ghcr.io/opex-project/task-api:0.1.0", "database": {"kind": "postgres"}, "rightSizing": ` + sizing + `}]`
	}
	for name, c := range map[string]struct{ key, value string }{
		"the exporter":                      {"opex:exporter", `{"enabled": true}`},
		"no advice on sizes":                {"opex:size", `{"enabled": false}`},
		"no backups":                        {"opex:backup", `{"enabled": false}`},
		"no chaos":                          {"opex:chaos", `{"enabled": false}`},
		"no costs":                          {"opex:cost", `{"enabled": false}`},
		"a HorizontalPodAutoscaler by cpu":  {"opex:services", sized(`{"horizontallyScaledBy": ["cpu"]}`)},
		"a mode that has a reason in words": {"opex:services", sized(`{"mode": "Recreate", "reason": "restarts in the night are fine"}`)},
	} {
		for _, stack := range stackNames {
			t.Run(stack+", "+name, func(t *testing.T) {
				homeWithKubeconfig(t)
				config := stackConfig(t, stack)
				config[c.key] = c.value
				record, err := deploy(t, stack, config, pulumitest.Options{Preview: true})
				if err != nil {
					t.Fatal(err)
				}
				isReviewed(t, record)
			})
		}
	}
}

func TestAPreviewRefusesAConfigThatARuleDoesNotAllow(t *testing.T) {
	homeWithKubeconfig(t)
	config := stackConfig(t, "staging")
	config["opex:services"] = `[{"name": "task-api", "image": "ghcr.io/opex-project/task-api:0.1.0", "database": {"kind": "postgres"}, "chaos": {"recovery": "1s"}}]`
	if _, err := deploy(t, "staging", config, pulumitest.Options{Preview: true}); err == nil ||
		!strings.Contains(err.Error(), "SUR-05") {
		t.Errorf("error is %v", err)
	}
}

// exposed declares production that is open to experiments, which a rule refuses, and more, if asked.
func exposed(
	more func(ctx *pulumi.Context, namespace *corev1.Namespace, on pulumi.ResourceOption) error,
) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		objects, err := watch(ctx)
		if err != nil {
			return err
		}
		cluster, err := kubernetes.NewProvider(
			ctx, "cluster", &kubernetes.ProviderArgs{Kubeconfig: pulumi.String("none")},
		)
		if err != nil {
			return err
		}
		namespace, err := corev1.NewNamespace(ctx, "shop", &corev1.NamespaceArgs{Metadata: &metav1.ObjectMetaArgs{
			Name: pulumi.String("shop"), Labels: pulumi.StringMap{"environment": pulumi.String("production")},
			Annotations: pulumi.StringMap{"chaos-mesh.org/inject": pulumi.String("enabled")},
		}}, pulumi.Provider(cluster))
		if err == nil && more != nil {
			err = more(ctx, namespace, pulumi.Provider(cluster))
		}
		if err != nil {
			return err
		}
		ctx.Export("id", objects.reviewed(ctx, namespace.ID()))
		return nil
	}
}

func TestAPreviewRefusesWhatARuleFinds(t *testing.T) {
	for _, made := range []bool{false, true} {
		_, err := pulumitest.Run(t, exposed(nil), pulumitest.Options{Preview: true, Made: made})
		if err == nil {
			t.Fatalf("made before: %v: it was accepted", made)
		}
		for _, words := range []string{"1 findings", "CHA-01", "Namespace shop (resource shop)", "opens production to experiments", "Nothing was changed"} {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("it does not say %q: %v", words, err)
			}
		}
	}
}

func TestAPreviewThatIsAskedForAReportGoesOn(t *testing.T) {
	t.Setenv(review.EnvMode, review.ModeReport)
	record, err := pulumitest.Run(t, exposed(nil), pulumitest.Options{Preview: true})
	if said := strings.Join(record.Messages, "\n"); err != nil ||
		!strings.Contains(said, "WARNING: opex: review of what is declared: 1 findings") {
		t.Errorf("error %v, and it says: %s", err, said)
	}
	t.Setenv(review.EnvMode, "off")
	if _, err := pulumitest.Run(t, exposed(nil), pulumitest.Options{Preview: true}); err == nil ||
		!strings.Contains(err.Error(), `OPEX_REVIEW is "off", allowed is report`) {
		t.Errorf("error is %v", err)
	}
}

func TestAPreviewSaysWhatItCouldNotJudgeAndJudgesTheRest(t *testing.T) {
	record, err := pulumitest.Run(
		t,
		exposed(func(ctx *pulumi.Context, namespace *corev1.Namespace, on pulumi.ResourceOption) error {
			labels := pulumi.StringMap{
				"team":        pulumi.String("shops"),
				"app":         pulumi.String("till"),
				"environment": pulumi.String("production"),
				"cost-center": pulumi.String("sales"),
			}
			image := namespace.ID().ApplyT(func(id pulumi.ID) string { return "till:" + string(id) })
			return ctx.RegisterResource(
				"kubernetes:batch/v1:Job",
				"till",
				kubernetes.UntypedArgs{"apiVersion": pulumi.String("batch/v1"), "kind": pulumi.String("Job"),
					"metadata": pulumi.Map{
						"name":      pulumi.String("till"),
						"namespace": pulumi.String("shop"),
						"labels":    labels,
					},
					"spec": pulumi.Map{
						"template": pulumi.Map{
							"metadata": pulumi.Map{"labels": labels},
							"spec": pulumi.Map{"containers": pulumi.Array{pulumi.Map{
								"name": pulumi.String(
									"till",
								), "image": image, "env": pulumi.Array{pulumi.Map{"name": pulumi.String("ID"), "value": image}},
								"command": pulumi.ToSecret(pulumi.ToStringArray([]string{"till", "hunter2"})),
							}}},
						},
					}},
				&pulumi.CustomResourceState{},
				on,
			)
		}),
		pulumitest.Options{Preview: true},
	)
	if err == nil || strings.Contains(err.Error(), "SUR-11") ||
		!strings.Contains(err.Error(), "container till requests no cpu") {
		t.Errorf("error is %v", err)
	}
	said := strings.Join(record.Messages, "\n")
	const at = "  - Job shop/till (till): spec.template.spec.containers.0."
	want := "WARNING: opex review: not all could be judged:\n" + at + "command is not known before the update, or secret, and was not judged\n" +
		at + "image is not known before the update, or secret, and was not judged"
	if !strings.Contains(said+"\n", want+"\n") || strings.Contains(said+err.Error(), "hunter2") {
		t.Errorf("it says: %s", said)
	}
}
