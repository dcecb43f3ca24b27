package stacks

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components"
	"github.com/opex-project/opex/internal/pulumitest"
)

func TestAPreviewReviewsAllThatIsDeclared(t *testing.T) {
	for _, stack := range stackNames {
		t.Run(stack, func(t *testing.T) {
			homeWithKubeconfig(t)
			record, err := deploy(t, stack, stackConfig(t, stack), pulumitest.Options{Preview: true})
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.MarshalIndent(record.Outputs, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			pulumitest.Golden(t, "testdata/"+stack+"-outputs.json", append(text, '\n')) // the same as without a preview
			if len(record.SecretOutputs) > 0 {
				t.Errorf("outputs became secret: %v", record.SecretOutputs)
			}
			objects := strings.Count(string(record.Manifests(t)), "\nkind: ")
			if said := strings.Join(record.Messages, "\n"); objects < 15 || !strings.Contains(said, "opex review: nothing found by 47 rules in ") {
				t.Errorf("of %d objects it says: %s", objects, said)
			}
		})
	}
}

func TestTheExporterPassesTheReviewToo(t *testing.T) {
	for _, stack := range stackNames {
		homeWithKubeconfig(t)
		config := stackConfig(t, stack)
		config["opex:exporter"] = `{"enabled": true}`
		if _, err := deploy(t, stack, config, pulumitest.Options{Preview: true}); err != nil {
			t.Errorf("%s: %v", stack, err)
		}
	}
}

func TestAPreviewRefusesWhatARuleFinds(t *testing.T) {
	program := func(ctx *pulumi.Context) error {
		objects, err := watch(ctx)
		if err != nil {
			return err
		}
		cluster, err := kubernetes.NewProvider(ctx, "cluster", &kubernetes.ProviderArgs{Kubeconfig: pulumi.String("none")})
		if err != nil {
			return err
		}
		namespace, err := components.NewNamespace(ctx, "shop", "shop", map[string]string{"environment": "production"}, map[string]string{"chaos-mesh.org/inject": "enabled"},
			pulumi.Provider(cluster))
		if err != nil {
			return err
		}
		ctx.Export("name", objects.reviewed(ctx, namespace.Name()))
		return nil
	}
	_, err := pulumitest.Run(t, program, pulumitest.Options{Preview: true})
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, words := range []string{"1 findings", "CHA-01", "Namespace shop (resource shop)", "opens production to experiments", "Nothing was changed"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("it does not say %q: %v", words, err)
		}
	}
}
