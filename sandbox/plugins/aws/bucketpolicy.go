package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

var bucketPolicy = setting{
	name: "BucketPolicy", what: "bucket policy", absent: []string{"NoSuchBucketPolicy"},
	inputs: fields{"policy": {kind: document, required: true}},
	put: func(ctx context.Context, client *s3.Client, bucket string, in plain) error {
		_, err := client.PutBucketPolicy(ctx,
			&s3.PutBucketPolicyInput{Bucket: &bucket, Policy: awssdk.String(in["policy"].(string))})
		return err
	},
	get: func(ctx context.Context, client *s3.Client, bucket string) (any, error) {
		got, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket})
		if err != nil || awssdk.ToString(got.Policy) == "" {
			return nil, err
		}
		return plain{"policy": *got.Policy}, nil
	},
	remove: func(ctx context.Context, client *s3.Client, bucket string, _ plain) error {
		_, err := client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket})
		return err
	},
}
