package aws

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	provider "github.com/pulumi/pulumi-go-provider"
)

// The IAM resources are kept in the stack's state as declared: the S3 server has no IAM. Their ARNs and ids are those
// that AWS would give, made from the resource's own inputs.

var (
	iamTags = field{kind: texts}
	iamPath = field{kind: text, replaces: true} // begins and ends with a slash; the default is /
)

var policy = declared(resource{
	tokens: []string{token("iam", "Policy")},
	inputs: fields{
		"name": {kind: text, replaces: true}, "namePrefix": {kind: text, replaces: true}, "path": iamPath,
		"description": {kind: text, replaces: true}, "policy": {kind: document, required: true}, "tags": iamTags,
	},
	outputs: []string{"arn", "policyId", "attachmentCount"},
	named:   naming{input: "name", prefix: "namePrefix", max: 128},
	tagged:  true,
	verify:  verifyPath,
}, func(in, _ plain) (string, plain) {
	arn := iamARN("policy", in)
	return arn, plain{"arn": arn, "policyId": iamID("ANPA", arn), "attachmentCount": 0.0}
})

var role = declared(resource{
	tokens: []string{token("iam", "Role")},
	inputs: fields{
		"name": {kind: text, replaces: true}, "namePrefix": {kind: text, replaces: true}, "path": iamPath,
		"description": {kind: text}, "assumeRolePolicy": {kind: document, required: true},
		"maxSessionDuration": {kind: number}, "permissionsBoundary": {kind: text}, "forceDetachPolicies": {kind: flag},
		"tags": iamTags,
	},
	outputs: []string{"arn", "uniqueId", "createDate"},
	named:   naming{input: "name", prefix: "namePrefix", max: 64},
	tagged:  true,
	verify:  verifyPath,
}, func(in, old plain) (string, plain) {
	arn := iamARN("role", in)
	created, ok := old["createDate"]
	if !ok {
		created = time.Now().UTC().Format(time.RFC3339)
	}
	return in["name"].(string), plain{"arn": arn, "uniqueId": iamID("AROA", arn), "createDate": created}
})

var roleAttachment = declared(resource{
	tokens: []string{token("iam", "RolePolicyAttachment")},
	inputs: fields{
		"role":      {kind: text, required: true, replaces: true},
		"policyArn": {kind: text, required: true, replaces: true},
	},
}, func(in, _ plain) (string, plain) {
	return in["role"].(string) + "/" + in["policyArn"].(string), nil
})

var oidcProvider = declared(resource{
	tokens: []string{token("iam", "OpenIdConnectProvider")},
	inputs: fields{
		"url":             {kind: text, required: true, replaces: true},
		"clientIdLists":   {kind: list, required: true, of: &field{kind: text}},
		"thumbprintLists": {kind: list, of: &field{kind: text}},
		"tags":            iamTags,
	},
	outputs: []string{"arn"},
	tagged:  true,
	verify: func(in plain) []provider.CheckFailure {
		if url := in["url"].(string); !strings.HasPrefix(url, "https://") {
			return []provider.CheckFailure{{Property: "url", Reason: "is " + url + ": it must begin with https://"}}
		}
		return nil
	},
}, func(in, _ plain) (string, plain) {
	arn := "arn:" + partition + ":iam::" + account + ":oidc-provider/" + strings.TrimPrefix(
		in["url"].(string), "https://",
	)
	return arn, plain{"arn": arn}
})

// declared makes a resource that is kept in the state only. Compute gives its id and outputs.
func declared(r resource, compute func(in, old plain) (id string, out plain)) resource {
	r.foreign = true
	r.put = func(ctx context.Context, _ *cloud, id string, in, old plain) (string, plain, error) {
		if id == "" {
			provider.GetLogger(ctx).Info("Kept in the stack's state as declared: the S3 server has no IAM, " +
				"so it gives and takes no access.")
		}
		id, out := compute(in, old)
		return id, out, nil
	}
	r.get = func(_ context.Context, _ *cloud, _ string, old plain) (in, out plain, err error) {
		return old, old, nil
	}
	r.remove = func(context.Context, *cloud, string, plain) error { return nil }
	return r
}

func verifyPath(in plain) []provider.CheckFailure {
	path, ok := in["path"].(string)
	if ok && (!strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/")) {
		return []provider.CheckFailure{
			{Property: "path", Reason: "is " + path + ": it must begin and end with a slash"},
		}
	}
	return nil
}

// iamARN is the ARN of a named IAM resource.
func iamARN(kind string, in plain) string {
	path, ok := in["path"].(string)
	if !ok {
		path = "/"
	}
	return "arn:" + partition + ":iam::" + account + ":" + kind + path + in["name"].(string)
}

// iamID is an id in AWS's form: a prefix for the kind, and 17 letters and digits that stay the same for one ARN.
func iamID(prefix, arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
