package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lifecycle supports what a backup bucket needs: expiry and the end of unfinished uploads, for a prefix or all. Moving
// objects to other classes of storage, and filters by tags or size, are refused by their names.
var lifecycle = setting{
	name: "BucketLifecycleConfigurationV2", alias: "BucketLifecycleConfiguration",
	what: "lifecycle configuration", absent: []string{"NoSuchLifecycleConfiguration"},
	inputs: fields{"rules": {kind: list, required: true, of: &field{kind: object, fields: fields{
		"id":     {kind: text, required: true},
		"status": {kind: text, required: true, oneOf: []string{"Enabled", "Disabled"}},
		"filter": {kind: object, fields: fields{"prefix": {kind: text}}},
		"expiration": {kind: object, fields: fields{
			"days": {kind: number}, "expiredObjectDeleteMarker": {kind: flag},
		}},
		"noncurrentVersionExpiration": {kind: object, fields: fields{
			"noncurrentDays": {kind: number, required: true}, "newerNoncurrentVersions": {kind: number},
		}},
		"abortIncompleteMultipartUpload": {kind: object, fields: fields{"daysAfterInitiation": {kind: number}}},
	}}}},
	put: func(ctx context.Context, client *s3.Client, bucket string, in plain) error {
		conf, err := convert[*types.BucketLifecycleConfiguration](in)
		if err != nil {
			return err
		}
		for i := range conf.Rules { // A rule without a filter is for all objects, which S3 wants said.
			if conf.Rules[i].Filter == nil {
				conf.Rules[i].Filter = &types.LifecycleRuleFilter{Prefix: new(string)}
			}
		}
		_, err = client.PutBucketLifecycleConfiguration(ctx,
			&s3.PutBucketLifecycleConfigurationInput{Bucket: &bucket, LifecycleConfiguration: conf})
		return err
	},
	get: func(ctx context.Context, client *s3.Client, bucket string) (any, error) {
		got, err := client.GetBucketLifecycleConfiguration(
			ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket},
		)
		if err != nil {
			return nil, err
		}
		return plain{"rules": got.Rules}, nil
	},
	remove: func(ctx context.Context, client *s3.Client, bucket string, _ plain) error {
		_, err := client.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: &bucket})
		return err
	},
}
