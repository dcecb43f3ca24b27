package pulumitest_test

import (
	"strings"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/pulumitest"
)

type box struct{ pulumi.ResourceState }

func TestEngineRefuses(t *testing.T) {
	cases := map[string]struct {
		program pulumi.RunFunc
		says    string
	}{
		"fixed child names in two instances": {func(ctx *pulumi.Context) error {
			for _, name := range []string{"one", "two"} {
				parent := &box{}
				if err := ctx.RegisterComponentResource("opex:index:Box", name, parent); err != nil {
					return err
				}
				if err := ctx.RegisterComponentResource("opex:index:Part", "part", &box{}, pulumi.Parent(parent)); err != nil {
					return err
				}
			}
			return nil
		}, "a second resource has the URN urn:pulumi:test::opex::opex:index:Box$opex:index:Part::part"},
		"a default provider": {func(ctx *pulumi.Context) error {
			_, err := corev1.NewNamespace(ctx, "ambient", nil)
			return err
		}, "would use a default provider"},
		"an unknown function": {func(ctx *pulumi.Context) error {
			var result struct{}
			return ctx.Invoke("aws:index:getRegion", nil, &result)
		}, "Invoke not implemented"},
		"a read of what is not there": {func(ctx *pulumi.Context) error {
			_, err := corev1.GetNamespace(ctx, "there", pulumi.ID("nowhere"), nil)
			return err
		}, "no object kubernetes:core/v1:Namespace::nowhere to read"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := pulumitest.Run(t, c.program, pulumitest.Options{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestRecordMasksSecretsAndKeepsThemApart(t *testing.T) {
	record, err := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		ctx.Export("clear", pulumi.String("open"))
		ctx.Export("nested", pulumi.Map{"secret": pulumi.ToSecret(pulumi.String("hidden"))})
		return nil
	}, pulumitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := record.Clear(); strings.Contains(text, "hidden") || !strings.Contains(text, "open") {
		t.Errorf("clear text: %s", text)
	}
	if got := record.SecretOutputs["nested.secret"]; got != `"hidden"` {
		t.Errorf("nested.secret is %q", got)
	}
}
