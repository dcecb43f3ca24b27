package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var publicAccessBlock = setting{
	name: "BucketPublicAccessBlock", what: "public access block", absent: []string{"NoSuchPublicAccessBlockConfiguration"},
	inputs: fields{
		"blockPublicAcls": {kind: flag}, "blockPublicPolicy": {kind: flag},
		"ignorePublicAcls": {kind: flag}, "restrictPublicBuckets": {kind: flag},
	},
	put: func(ctx context.Context, client *s3.Client, bucket string, in plain) error {
		conf, err := convert[*types.PublicAccessBlockConfiguration](in)
		if err != nil {
			return err
		}
		_, err = client.PutPublicAccessBlock(ctx,
			&s3.PutPublicAccessBlockInput{Bucket: &bucket, PublicAccessBlockConfiguration: conf})
		return err
	},
	get: func(ctx context.Context, client *s3.Client, bucket string) (any, error) {
		got, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket})
		if err != nil {
			return nil, err
		}
		return got.PublicAccessBlockConfiguration, nil
	},
	remove: func(ctx context.Context, client *s3.Client, bucket string, _ plain) error {
		_, err := client.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: &bucket})
		return err
	},
}
