package aws

import (
	"context"
	"reflect"
	"regexp"
	"strings"
	"testing"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

func TestIAMResourcesHaveStableARNsAndIDs(t *testing.T) {
	e := newEngine(t, nil)
	trust := `{"Version":"2012-10-17","Statement":[]}`
	p := e.create("aws:iam/policy:Policy", "access", plain{"name": "velero", "path": "/opex/", "policy": trust})
	r := e.create("aws:iam/role:Role", "Backup", plain{"assumeRolePolicy": trust})
	a := e.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", plain{"role": r.id, "policyArn": p.id})
	o := e.create("aws:iam/openIdConnectProvider:OpenIdConnectProvider", "o",
		plain{"url": "https://oidc.example.com/id/X", "clientIdLists": []any{"sts.amazonaws.com"}})
	for want, got := range map[string]string{
		`^arn:aws:iam::000000000000:policy/opex/velero$`:                  p.id,
		`^ANPA[A-Z2-7]{17}$`:                                              toPlain(p.state)["policyId"].(string),
		`^Backup-[0-9a-f]{7}$`:                                            r.id,
		`^arn:aws:iam::000000000000:role/Backup-[0-9a-f]{7}$`:             toPlain(r.state)["arn"].(string),
		`^AROA[A-Z2-7]{17}$`:                                              toPlain(r.state)["uniqueId"].(string),
		`^Backup-[0-9a-f]{7}/arn:aws:iam::000000000000:policy/`:           a.id,
		`^arn:aws:iam::000000000000:oidc-provider/oidc.example.com/id/X$`: o.id,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%q does not match %s", got, want)
		}
	}
	for _, m := range []made{p, r, a, o} {
		read := e.refresh(m)
		if read.id != m.id || !reflect.DeepEqual(toPlain(read.state), toPlain(m.state)) {
			t.Errorf("%s: a refresh changes it: %v to %v", m.urn, toPlain(m.state), toPlain(read.state))
		}
	}
	changed := e.update(r, plain{"assumeRolePolicy": trust, "description": "new"})
	for _, name := range []string{"arn", "uniqueId", "createDate", "name"} {
		if toPlain(changed.state)[name] != toPlain(r.state)[name] {
			t.Errorf("an update changes %s", name)
		}
	}
	spaced := plain{"assumeRolePolicy": "{ \"Statement\": [], \"Version\": \"2012-10-17\" }"}
	if d := e.diff(r, spaced); d.HasChanges {
		t.Errorf("the same policy in another spelling shows as %v", d.DetailedDiff)
	}
	if _, err := e.p.Read(context.Background(), provider.ReadRequest{ID: "x", Urn: r.urn}); err == nil ||
		!strings.Contains(err.Error(), "cannot be imported") {
		t.Errorf("import of a role: %v", err)
	}
}

func TestPreviewLeavesOutputsUnknownAndMakesNothing(t *testing.T) {
	e := newEngine(t, nil)
	urn := urnOf(bucketToken, "b")
	got, err := e.p.Create(context.Background(), provider.CreateRequest{
		Urn: urn, DryRun: true, Properties: fromPlain(plain{"bucket": "preview"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Properties.Get("arn").IsComputed() || got.Properties.Get("bucket").AsString() != "preview" {
		t.Errorf("a preview gives %v", got.Properties)
	}
	if e.exists("preview") {
		t.Error("a preview made the bucket")
	}
}

func TestUnknownInputsPassTheCheck(t *testing.T) {
	e := Provider()
	got, err := e.Check(context.Background(), provider.CheckRequest{
		Urn: urnOf("aws:s3/bucketPolicy:BucketPolicy", "p"),
		Inputs: property.NewMap(map[string]property.Value{
			"bucket": property.New(property.Computed), "policy": property.New(property.Computed),
		}),
	})
	if err != nil || len(got.Failures) > 0 {
		t.Errorf("%v, %v", err, got.Failures)
	}
}
