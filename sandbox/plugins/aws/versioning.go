package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var versioning = setting{
	name: "BucketVersioningV2", alias: "BucketVersioning", what: "versioning",
	inputs: fields{"versioningConfiguration": {kind: object, required: true, fields: fields{
		"status": {kind: text, required: true, oneOf: []string{"Enabled", "Suspended"}},
	}}},
	put: func(ctx context.Context, client *s3.Client, bucket string, in plain) error {
		conf, err := convert[*types.VersioningConfiguration](in["versioningConfiguration"])
		if err != nil {
			return err
		}
		_, err = client.PutBucketVersioning(
			ctx, &s3.PutBucketVersioningInput{Bucket: &bucket, VersioningConfiguration: conf},
		)
		return err
	},
	get: func(ctx context.Context, client *s3.Client, bucket string) (any, error) {
		got, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
		if err != nil || got.Status == "" { // Versioning was never set.
			return nil, err
		}
		return plain{"versioningConfiguration": plain{"status": string(got.Status)}}, nil
	},
	// Versioning cannot be taken back, only suspended; on a bucket with object lock not even that.
	remove: func(ctx context.Context, client *s3.Client, bucket string, _ plain) error {
		_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended}})
		if failed(err, "InvalidBucketState") {
			return nil
		}
		return err
	},
}
