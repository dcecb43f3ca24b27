package aws

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	provider "github.com/pulumi/pulumi-go-provider"
)

var objectLock = setting{
	name: "BucketObjectLockConfigurationV2", alias: "BucketObjectLockConfiguration",
	what: "object lock", absent: []string{"ObjectLockConfigurationNotFoundError"},
	inputs: fields{
		"objectLockEnabled": {kind: text, computed: true, oneOf: []string{"Enabled"}},
		"rule": {kind: object, fields: fields{"defaultRetention": {kind: object, required: true, fields: fields{
			"mode": {kind: text, required: true, oneOf: []string{"COMPLIANCE", "GOVERNANCE"}},
			"days": {kind: number}, "years": {kind: number},
		}}}},
	},
	verify: func(in plain) []provider.CheckFailure {
		rule, _ := in["rule"].(plain)
		retention, _ := rule["defaultRetention"].(plain)
		days, years := retention["days"], retention["years"]
		if rule == nil || (days == nil) != (years == nil) {
			return nil
		}
		return []provider.CheckFailure{{Property: "rule.defaultRetention", Reason: fmt.Sprintf(
			"needs either days or years, and not both: days is %v, years is %v", days, years)}}
	},
	put: putObjectLock,
	get: func(ctx context.Context, client *s3.Client, bucket string) (any, error) {
		got, err := client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &bucket})
		if err != nil {
			return nil, err
		}
		return got.ObjectLockConfiguration, nil
	},
	// The lock itself stays for the bucket's life; only the default retention goes.
	remove: func(ctx context.Context, client *s3.Client, bucket string, _ plain) error {
		return putObjectLock(ctx, client, bucket, plain{})
	},
}

func putObjectLock(ctx context.Context, client *s3.Client, bucket string, in plain) error {
	conf, err := convert[*types.ObjectLockConfiguration](in)
	if err != nil {
		return err
	}
	conf.ObjectLockEnabled = types.ObjectLockEnabledEnabled
	_, err = client.PutObjectLockConfiguration(ctx,
		&s3.PutObjectLockConfigurationInput{Bucket: &bucket, ObjectLockConfiguration: conf})
	return err
}
