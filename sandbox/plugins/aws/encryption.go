package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var encryption = setting{
	name: "BucketServerSideEncryptionConfigurationV2", alias: "BucketServerSideEncryptionConfiguration",
	what: "encryption configuration", absent: []string{"ServerSideEncryptionConfigurationNotFoundError"},
	inputs: fields{"rules": {kind: list, required: true, of: &field{kind: object, fields: fields{
		"applyServerSideEncryptionByDefault": {kind: object, fields: fields{
			"sseAlgorithm":   {kind: text, required: true, oneOf: []string{"AES256", "aws:kms", "aws:kms:dsse"}},
			"kmsMasterKeyId": {kind: text},
		}},
		"bucketKeyEnabled": {kind: flag},
	}}}},
	put: func(ctx context.Context, client *s3.Client, bucket string, in plain) error {
		conf, err := convert[*types.ServerSideEncryptionConfiguration](in)
		if err != nil {
			return err
		}
		_, err = client.PutBucketEncryption(ctx,
			&s3.PutBucketEncryptionInput{Bucket: &bucket, ServerSideEncryptionConfiguration: conf})
		return err
	},
	get: func(ctx context.Context, client *s3.Client, bucket string) (any, error) {
		got, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket})
		if err != nil {
			return nil, err
		}
		return got.ServerSideEncryptionConfiguration, nil
	},
	remove: func(ctx context.Context, client *s3.Client, bucket string, _ plain) error {
		_, err := client.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: &bucket})
		return err
	},
}
