package backup

import (
	"encoding/json"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// unfinishedUploadDays is when the parts of an upload that was never finished go.
const unfinishedUploadDays = 7

// newBucket declares the bucket of backups with all that keeps it: each setting is a resource of its own. AWS refuses
// to change two settings of one bucket at the same time ("A conflicting conditional operation is currently in
// progress"), so each waits for the one before. It returns them all, the bucket first.
func newBucket(
	ctx *pulumi.Context, name string, v BackupVaultArgs, opts ...pulumi.ResourceOption,
) ([]pulumi.Resource, error) {
	args := &s3.BucketV2Args{
		Bucket:            pulumi.String(v.Vault.Bucket),
		ObjectLockEnabled: pulumi.Bool(v.Vault.ObjectLock != nil),
		ForceDestroy:      pulumi.Bool(!v.Keep),
	}
	if v.Vault.Store != nil { // on AWS the provider tags all that it makes
		args.Tags = pulumi.ToStringMap(v.ObjectLabels(veleroName))
	}
	bucket, err := s3.NewBucketV2(ctx, name, args, append(opts, pulumi.RetainOnDelete(v.Keep))...)
	if err != nil {
		return nil, err
	}
	all := []pulumi.Resource{bucket}
	for _, declare := range []setting{publicAccess, policy, ownership, versioning, lifecycle, encryption, objectLock} {
		after := pulumi.DependsOn(all[len(all)-1:])
		made, err := declare(
			ctx,
			name,
			v,
			bucket.ID().ToStringOutput(),
			append(opts[:len(opts):len(opts)], after, pulumi.RetainOnDelete(v.Keep))...)
		if err != nil {
			return nil, err
		}
		if made != nil {
			all = append(all, made)
		}
	}
	return all, nil
}

// setting declares one setting of a bucket, or nothing where it is not wanted.
type setting func(ctx *pulumi.Context, name string, v BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption) (pulumi.Resource, error)

func publicAccess(
	ctx *pulumi.Context, name string, _ BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption,
) (pulumi.Resource, error) {
	return s3.NewBucketPublicAccessBlock(ctx, name+"-publicaccess", &s3.BucketPublicAccessBlockArgs{
		Bucket:          bucket,
		BlockPublicAcls: pulumi.Bool(true), BlockPublicPolicy: pulumi.Bool(true),
		IgnorePublicAcls: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, opts...)
}

// policy refuses whoever comes without encryption.
func policy(
	ctx *pulumi.Context, name string, v BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption,
) (pulumi.Resource, error) {
	text, err := json.Marshal(tlsOnly(v.Vault))
	if err != nil {
		return nil, err
	}
	return s3.NewBucketPolicy(
		ctx,
		name+"-policy",
		&s3.BucketPolicyArgs{Bucket: bucket, Policy: pulumi.String(string(text))},
		opts...)
}

func ownership(
	ctx *pulumi.Context, name string, _ BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption,
) (pulumi.Resource, error) {
	return s3.NewBucketOwnershipControls(ctx, name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket, Rule: &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, opts...)
}

func versioning(
	ctx *pulumi.Context, name string, _ BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption,
) (pulumi.Resource, error) {
	return s3.NewBucketVersioningV2(ctx, name+"-versioning", &s3.BucketVersioningV2Args{
		Bucket:                  bucket,
		VersioningConfiguration: &s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Enabled")},
	}, opts...)
}

// lifecycle removes what nobody reads any more. Velero deletes what expired; the version before stays a while longer,
// against a delete by mistake. The delete markers that remain then hold nothing, and would make listings ever slower.
func lifecycle(
	ctx *pulumi.Context, name string, v BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption,
) (pulumi.Resource, error) {
	filter := &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")}
	return s3.NewBucketLifecycleConfigurationV2(ctx, name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket,
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("old-versions"), Status: pulumi.String("Enabled"), Filter: filter,
			NoncurrentVersionExpiration: &s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{
				NoncurrentDays: pulumi.Int(v.oldVersionDays()),
			},
			Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{
				ExpiredObjectDeleteMarker: pulumi.Bool(true),
			},
			AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
				DaysAfterInitiation: pulumi.Int(unfinishedUploadDays),
			},
		}},
	}, opts...)
}

func encryption(
	ctx *pulumi.Context, name string, v BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption,
) (pulumi.Resource, error) {
	by := &s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
		SseAlgorithm: pulumi.String("AES256"),
	}
	if v.Vault.KMSKey != "" {
		by.SseAlgorithm, by.KmsMasterKeyId = pulumi.String("aws:kms"), pulumi.String(v.Vault.KMSKey)
	}
	return s3.NewBucketServerSideEncryptionConfigurationV2(
		ctx,
		name+"-encryption",
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: bucket,
			Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{
				&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
					ApplyServerSideEncryptionByDefault: by,
					BucketKeyEnabled:                   pulumi.Bool(v.Vault.KMSKey != ""), // one call of KMS for many objects
				},
			},
		},
		opts...)
}

func objectLock(
	ctx *pulumi.Context, name string, v BackupVaultArgs, bucket pulumi.StringInput, opts ...pulumi.ResourceOption,
) (pulumi.Resource, error) {
	lock := v.Vault.ObjectLock
	if lock == nil {
		return nil, nil
	}
	return s3.NewBucketObjectLockConfigurationV2(ctx, name+"-objectlock", &s3.BucketObjectLockConfigurationV2Args{
		Bucket: bucket,
		Rule: &s3.BucketObjectLockConfigurationV2RuleArgs{
			DefaultRetention: &s3.BucketObjectLockConfigurationV2RuleDefaultRetentionArgs{
				Mode: pulumi.String(lock.S3Mode()), Days: pulumi.Int(lock.Days),
			},
		},
	}, opts...)
}

// keepOldVersionsDays is how long an object that was deleted or replaced can be brought back.
const keepOldVersionsDays = 7

func (v BackupVaultArgs) oldVersionDays() int {
	if lock := v.Vault.ObjectLock; lock != nil {
		return max(keepOldVersionsDays, lock.Days)
	}
	return keepOldVersionsDays
}
