package components

import (
	"encoding/json"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// partition is the part of AWS that a region lies in, as ARNs have it.
func (v VaultSpec) partition() string {
	switch {
	case strings.HasPrefix(v.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(v.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func (v VaultSpec) bucketARN() string { return "arn:" + v.partition() + ":s3:::" + v.Bucket }

// newVeleroRole declares the role that Velero takes by its ServiceAccount's token, with no more rights than it needs.
func newVeleroRole(ctx *pulumi.Context, name string, v BackupVaultArgs, opts ...pulumi.ResourceOption) (*awsResource, error) {
	trust, err := json.Marshal(v.Vault.trust())
	if err != nil {
		return nil, err
	}
	rights, err := json.Marshal(v.Vault.rights())
	if err != nil {
		return nil, err
	}
	tags := pulumi.ToStringMap(v.objectLabels(veleroName))
	role, err := newAWS(ctx, name+"-role", "iam/role:Role", pulumi.Map{
		"description":      pulumi.String("Velero: backups to s3://" + v.Vault.Bucket),
		"assumeRolePolicy": pulumi.String(string(trust)), "tags": tags,
	}, opts...)
	if err != nil {
		return nil, err
	}
	policy, err := newAWS(ctx, name+"-policy", "iam/policy:Policy", pulumi.Map{"policy": pulumi.String(string(rights)), "tags": tags}, opts...)
	if err != nil {
		return nil, err
	}
	_, err = newAWS(ctx, name+"-rolepolicyattachment", "iam/rolePolicyAttachment:RolePolicyAttachment", pulumi.Map{
		"role": role.ID(), "policyArn": policy.ARN,
	}, opts...)
	return role, err
}

// trust lets Velero's ServiceAccount of this one cluster take the role, and nobody else.
// https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
func (v VaultSpec) trust() policyDocument {
	return policyDocument{policyVersion, []policyStatement{{
		Effect: "Allow", Action: "sts:AssumeRoleWithWebIdentity",
		Principal: map[string]string{"Federated": "arn:" + v.partition() + ":iam::" + v.Account + ":oidc-provider/" + v.OIDCProvider},
		Condition: map[string]map[string]string{"StringEquals": {
			v.OIDCProvider + ":sub": "system:serviceaccount:" + veleroNamespace + ":" + veleroServiceAccount,
			v.OIDCProvider + ":aud": "sts.amazonaws.com",
		}},
	}}}
}

// rights are those of velero-plugin-for-aws v1.14.3's README, less those of EC2: volumes are not snapshotted.
func (v VaultSpec) rights() policyDocument {
	statements := []policyStatement{
		{Sid: "Objects", Effect: "Allow", Resource: v.bucketARN() + "/*", Action: []string{
			"s3:GetObject", "s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
		}},
		{Sid: "Bucket", Effect: "Allow", Resource: v.bucketARN(), Action: []string{"s3:ListBucket"}},
	}
	if v.KMSKey != "" {
		statements = append(statements, policyStatement{
			Sid: "Key", Effect: "Allow", Resource: v.KMSKey, Action: []string{"kms:Decrypt", "kms:GenerateDataKey"},
		})
	}
	return policyDocument{policyVersion, statements}
}
