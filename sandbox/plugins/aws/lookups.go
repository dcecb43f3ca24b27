package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
)

// lookup is a function that programs call.
type lookup struct {
	args fields
	call func(c *cloud, args plain) (plain, error)
}

// lookups are all functions that the stand-in supports, by token.
var lookups = map[string]lookup{
	"aws:iam/getPolicyDocument:getPolicyDocument": {args: policyDocumentArgs, call: getPolicyDocument},
	// The caller is a user of an account that does not exist, named like the access key.
	"aws:index/getCallerIdentity:getCallerIdentity": {
		args: fields{"id": {kind: text}},
		call: func(c *cloud, _ plain) (plain, error) {
			return plain{
				"id": account, "accountId": account, "userId": iamID("AIDA", c.user),
				"arn": "arn:" + partition + ":iam::" + account + ":user/" + c.user,
			}, nil
		},
	},
	"aws:index/getRegion:getRegion": {
		args: fields{"id": {kind: text}, "name": {kind: text}, "region": {kind: text}, "endpoint": {kind: text}},
		call: func(c *cloud, args plain) (plain, error) {
			name := c.region
			if asked, ok := args["name"].(string); ok {
				name = asked
			}
			return plain{"id": name, "name": name, "region": name, "description": name,
				"endpoint": "ec2." + name + ".amazonaws.com"}, nil
		},
	},
	"aws:index/getPartition:getPartition": {args: fields{"id": {kind: text}}, call: func(*cloud, plain) (plain, error) {
		return plain{
			"id":               partition,
			"partition":        partition,
			"dnsSuffix":        "amazonaws.com",
			"reverseDnsPrefix": "com.amazonaws",
		}, nil
	}},
}

func (s *server) invoke(_ context.Context, req provider.InvokeRequest) (provider.InvokeResponse, error) {
	f, ok := lookups[string(req.Token)]
	if !ok {
		return provider.InvokeResponse{}, fmt.Errorf(
			"%s is not supported by the offline stand-in for pulumi-resource-aws: "+
				"the functions it knows are %s",
			req.Token,
			strings.Join(slices.Sorted(maps.Keys(lookups)), ", "),
		)
	}
	if problems := f.args.check("", req.Args); len(problems) > 0 {
		return provider.InvokeResponse{Failures: problems}, nil
	}
	out, err := f.call(s.cloud, toPlain(req.Args))
	if err != nil {
		return provider.InvokeResponse{}, fmt.Errorf("%s: %w", req.Token, err)
	}
	return provider.InvokeResponse{Return: fromPlain(out)}, nil
}
