package aws

import (
	"context"
	"errors"
	stdflag "flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

var update = stdflag.Bool("update", false, "write the golden files anew")

func invoke(token string, args plain) (plain, error) {
	s := &server{cloud: &cloud{region: "eu-central-1", user: "tester"}}
	got, err := s.invoke(context.Background(), provider.InvokeRequest{Token: tokens.Type(token), Args: fromPlain(args)})
	for _, f := range got.Failures {
		err = errors.Join(err, errors.New(f.Property+" "+f.Reason))
	}
	return toPlain(got.Return), err
}

const documentToken = "aws:iam/getPolicyDocument:getPolicyDocument"

func TestPolicyDocumentIsRenderedAsPulumiAWSDoes(t *testing.T) {
	got, err := invoke(documentToken, plain{
		"policyId": "id",
		"sourcePolicyDocuments": []any{
			`{"Version":"2008-10-17","Statement":[{"Sid":"Kept","Effect":"Deny","Action":"*","Resource":["*"]}]}`,
		},
		"statements": []any{
			plain{
				"sid":       "One",
				"actions":   []any{"s3:GetObject"},
				"resources": []any{"arn:aws:s3:::b/&{aws:username}/*"},
			},
			plain{
				"sid": "Two", "effect": "Deny", "actions": []any{"s3:A", "s3:C", "s3:B", "s3:A"}, "notResources": []any{"x"},
				"principals": []any{plain{"type": "*", "identifiers": []any{"*"}}},
			},
			plain{
				"actions": []any{"sts:AssumeRoleWithWebIdentity"},
				"principals": []any{
					plain{
						"type":        "Federated",
						"identifiers": []any{"a"},
					}, plain{"type": "AWS", "identifiers": []any{"b", "c"}},
				},
				"conditions": []any{
					plain{"test": "StringEquals", "variable": "v", "values": []any{"z", "a"}},
					plain{"test": "StringLike", "variable": "w", "values": []any{"one"}},
				},
			},
		},
		"overridePolicyDocuments": []any{
			`{"Statement":[{"Sid":"One","Effect":"Deny","Action":"s3:Only","Resource":"*"}]}`,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "policy.json")
	if *update {
		if err := os.WriteFile(golden, []byte(got["json"].(string)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got["json"] != string(want) {
		t.Errorf("want\n%s\ngot\n%s", want, got["json"])
	}
	if small := got["minifiedJson"].(string); strings.ContainsAny(small, "\n ") || !sameDocument(small, string(want)) {
		t.Errorf("minified: %s", small)
	}
}

func TestPolicyDocumentRefusesWhatIAMWould(t *testing.T) {
	twice := []any{plain{"sid": "A"}, plain{"sid": "A"}}
	for name, c := range map[string]struct {
		args plain
		want string
	}{
		"key":        {plain{"statement": twice}, "statement is not supported"},
		"effect":     {plain{"statements": []any{plain{"effect": "allow"}}}, `statements[0].effect is "allow": allowed are Allow, Deny`},
		"sids":       {plain{"statements": twice}, `two of them have the Sid "A"`},
		"principals": {plain{"statements": []any{plain{"principals": []any{plain{"type": "AWS"}}}}}, "identifiers is missing"},
		"document":   {plain{"sourcePolicyDocuments": []any{"{"}}, "sourcePolicyDocuments[0] is not valid JSON"},
		"variable": {
			plain{"version": "2008-10-17", "statements": []any{plain{"resources": []any{"&{x}"}}}},
			"version 2008-10-17 does not have",
		},
	} {
		if got, err := invoke(documentToken, c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v, %v", name, c.want, got, err)
		}
	}
}

func TestLookupsTellWhereTheProgramRuns(t *testing.T) {
	for token, want := range map[string]plain{
		"aws:index/getRegion:getRegion":                 {"name": "eu-central-1", "id": "eu-central-1"},
		"aws:index/getPartition:getPartition":           {"partition": "aws", "dnsSuffix": "amazonaws.com"},
		"aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "000000000000", "arn": "arn:aws:iam::000000000000:user/tester"},
	} {
		got, err := invoke(token, plain{})
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: %s is %v, want %v", token, name, got[name], value)
			}
		}
	}
	if _, err := invoke("aws:ec2/getAmi:getAmi", nil); err == nil || !strings.Contains(err.Error(), documentToken) {
		t.Errorf("an unknown function: %v", err)
	}
}
