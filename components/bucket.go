package components

import (
	"encoding/json"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// awsVersion is that of pulumi-aws whose tokens and keys are used below. It says which plugin to load.
const awsVersion = "6.83.2"

// awsResource is a resource of pulumi-aws, registered as the SDK's typed resource would be. The SDK's packages s3 and iam would
// double the first compile (docs/decisions/0003-short-first-compile.md).
type awsResource struct {
	pulumi.CustomResourceState

	ARN pulumi.StringOutput `pulumi:"arn"`
}

// newAWS declares a resource of AWS by its type token.
func newAWS(ctx *pulumi.Context, name, token string, args pulumi.Map, opts ...pulumi.ResourceOption) (*awsResource, error) {
	made := &awsResource{}
	return made, ctx.RegisterResource("aws:"+token, name, args, made, append(opts, pulumi.Version(awsVersion))...)
}

// unfinishedUploadDays is when the parts of an upload that was never finished go.
const unfinishedUploadDays = 7

// newBucket declares the bucket of backups with all that keeps it: each setting is a resource of its own, which must be there
// before the first backup. It returns them all, the bucket first.
func newBucket(ctx *pulumi.Context, name string, v BackupVaultArgs, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	vault := v.Vault
	kept := append(opts[:len(opts):len(opts)], pulumi.Protect(v.Keep), pulumi.RetainOnDelete(v.Keep))
	bucket, err := newAWS(ctx, name, "s3/bucketV2:BucketV2", pulumi.Map{
		"bucket":            pulumi.String(vault.Bucket),
		"objectLockEnabled": pulumi.Bool(vault.ObjectLock != nil),
		"forceDestroy":      pulumi.Bool(!v.Keep),
		"tags":              pulumi.ToStringMap(v.objectLabels(veleroName)),
	}, kept...)
	if err != nil {
		return nil, err
	}
	all := []pulumi.Resource{bucket}
	setting := func(role, token string, fields pulumi.Map, after ...pulumi.Resource) error {
		fields["bucket"] = bucket.ID()
		made, err := newAWS(ctx, name+"-"+role, "s3/"+token, fields, append(opts[:len(opts):len(opts)], pulumi.DependsOn(after), pulumi.RetainOnDelete(v.Keep))...)
		all = append(all, made)
		return err
	}

	encryption := pulumi.Map{"sseAlgorithm": pulumi.String("AES256")}
	if vault.KMSKey != "" {
		encryption = pulumi.Map{"sseAlgorithm": pulumi.String("aws:kms"), "kmsMasterKeyId": pulumi.String(vault.KMSKey)}
	}
	policy, err := json.Marshal(tlsOnly(vault))
	if err != nil {
		return nil, err
	}
	settings := []struct {
		role, token string
		fields      pulumi.Map
	}{
		{"versioning", "bucketVersioningV2:BucketVersioningV2", pulumi.Map{
			"versioningConfiguration": pulumi.Map{"status": pulumi.String("Enabled")},
		}},
		{"encryption", "bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", pulumi.Map{
			"rules": pulumi.Array{pulumi.Map{
				"applyServerSideEncryptionByDefault": encryption,
				"bucketKeyEnabled":                   pulumi.Bool(vault.KMSKey != ""), // one call of KMS for many objects
			}},
		}},
		{"publicaccess", "bucketPublicAccessBlock:BucketPublicAccessBlock", pulumi.Map{
			"blockPublicAcls": pulumi.Bool(true), "blockPublicPolicy": pulumi.Bool(true),
			"ignorePublicAcls": pulumi.Bool(true), "restrictPublicBuckets": pulumi.Bool(true),
		}},
		{"ownership", "bucketOwnershipControls:BucketOwnershipControls", pulumi.Map{
			"rule": pulumi.Map{"objectOwnership": pulumi.String("BucketOwnerEnforced")},
		}},
		{"lifecycle", "bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", pulumi.Map{
			"rules": pulumi.Array{pulumi.Map{
				"id": pulumi.String("old-versions"), "status": pulumi.String("Enabled"),
				"filter": pulumi.Map{"prefix": pulumi.String("")},
				// Velero deletes what expired; the version before stays a while longer, against a delete by mistake.
				"noncurrentVersionExpiration":    pulumi.Map{"noncurrentDays": pulumi.Int(v.oldVersionDays())},
				"abortIncompleteMultipartUpload": pulumi.Map{"daysAfterInitiation": pulumi.Int(unfinishedUploadDays)},
			}},
		}},
		{"policy", "bucketPolicy:BucketPolicy", pulumi.Map{"policy": pulumi.String(string(policy))}},
	}
	for _, s := range settings {
		if err := setting(s.role, s.token, s.fields); err != nil {
			return nil, err
		}
	}
	if lock := vault.ObjectLock; lock != nil {
		if err := setting("objectlock", "bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2", pulumi.Map{
			"rule": pulumi.Map{"defaultRetention": pulumi.Map{"mode": pulumi.String(lock.s3Mode()), "days": pulumi.Int(lock.Days)}},
		}, all[1]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// keepOldVersionsDays is how long an object that was deleted or replaced can be brought back.
const keepOldVersionsDays = 7

func (v BackupVaultArgs) oldVersionDays() int {
	if lock := v.Vault.ObjectLock; lock != nil {
		return max(keepOldVersionsDays, lock.Days)
	}
	return keepOldVersionsDays
}

// policyDocument is a policy of AWS.
type policyDocument struct {
	Version   string            `json:"Version"`
	Statement []policyStatement `json:"Statement"`
}

type policyStatement struct {
	Sid       string                       `json:"Sid,omitempty"`
	Effect    string                       `json:"Effect"`
	Principal any                          `json:"Principal,omitempty"`
	Action    any                          `json:"Action"`
	Resource  any                          `json:"Resource,omitempty"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

const policyVersion = "2012-10-17" // of the language, the newest

// tlsOnly refuses whoever comes without encryption.
func tlsOnly(v VaultSpec) policyDocument {
	return policyDocument{policyVersion, []policyStatement{{
		Sid: "TLSOnly", Effect: "Deny", Principal: "*", Action: "s3:*", Resource: []string{v.bucketARN(), v.bucketARN() + "/*"},
		Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
	}}}
}
