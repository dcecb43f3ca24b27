package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var ownership = setting{
	name: "BucketOwnershipControls", what: "ownership controls", absent: []string{"OwnershipControlsNotFoundError"},
	inputs: fields{"rule": {kind: object, required: true, fields: fields{
		"objectOwnership": {kind: text, required: true,
			oneOf: []string{"BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"}},
	}}},
	put: func(ctx context.Context, client *s3.Client, bucket string, in plain) error {
		rule, err := convert[types.OwnershipControlsRule](in["rule"])
		if err != nil {
			return err
		}
		_, err = client.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &bucket,
			OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{rule}}})
		return err
	},
	get: func(ctx context.Context, client *s3.Client, bucket string) (any, error) {
		got, err := client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &bucket})
		if err != nil || got.OwnershipControls == nil || len(got.OwnershipControls.Rules) == 0 {
			return nil, err
		}
		return map[string]any{"rule": got.OwnershipControls.Rules[0]}, nil
	},
	remove: func(ctx context.Context, client *s3.Client, bucket string, _ plain) error {
		_, err := client.DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: &bucket})
		return err
	},
}
