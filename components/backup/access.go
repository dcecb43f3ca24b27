package backup

import (
	"encoding/json"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/spec"
)

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
func tlsOnly(v spec.Vault) policyDocument {
	return policyDocument{policyVersion, []policyStatement{{
		Sid: "TLSOnly", Effect: "Deny", Principal: "*", Action: "s3:*", Resource: []string{v.BucketARN(), v.BucketARN() + "/*"},
		Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
	}}}
}

// newVeleroRole declares the role that Velero takes by its ServiceAccount's token or by EKS Pod Identity, with no more
// rights than it needs. What it returns beside the role must be there before Velero starts.
func newVeleroRole(
	ctx *pulumi.Context, name string, v BackupVaultArgs, opts ...pulumi.ResourceOption,
) (*iam.Role, []pulumi.Resource, error) {
	trust, err := json.Marshal(trustOf(v.Vault))
	if err != nil {
		return nil, nil, err
	}
	permissions, err := json.Marshal(permissionsOf(v.Vault))
	if err != nil {
		return nil, nil, err
	}
	roleArgs := &iam.RoleArgs{
		Description:      pulumi.String("Velero: backups to s3://" + v.Vault.Bucket),
		AssumeRolePolicy: pulumi.String(string(trust)),
	}
	policyArgs := &iam.PolicyArgs{Policy: pulumi.String(string(permissions))}
	if path := v.Vault.IAMPath; path != "" {
		roleArgs.Path, policyArgs.Path = pulumi.String(path), pulumi.String(path)
	}
	if boundary := v.Vault.PermissionsBoundary; boundary != "" {
		roleArgs.PermissionsBoundary = pulumi.String(boundary)
	}
	role, err := iam.NewRole(ctx, name+"-role", roleArgs, opts...)
	if err != nil {
		return nil, nil, err
	}
	policy, err := iam.NewPolicy(ctx, name+"-policy", policyArgs, opts...)
	if err != nil {
		return nil, nil, err
	}
	attachment, err := iam.NewRolePolicyAttachment(ctx, name+"-rolepolicyattachment", &iam.RolePolicyAttachmentArgs{
		Role: role.ID(), PolicyArn: policy.Arn,
	}, opts...)
	if err != nil || v.Vault.PodIdentity == "" {
		return role, []pulumi.Resource{role, policy, attachment}, err
	}
	association, err := eks.NewPodIdentityAssociation(ctx, name+"-podidentity", &eks.PodIdentityAssociationArgs{
		ClusterName: pulumi.String(v.Vault.PodIdentity), Namespace: pulumi.String(Namespace),
		ServiceAccount: pulumi.String(veleroServiceAccount), RoleArn: role.Arn,
	}, opts...)
	return role, []pulumi.Resource{role, policy, attachment, association}, err
}

// trustOf lets Velero's ServiceAccount of this one cluster take the role, and nobody else.
// https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html and .../pod-id-role.html
func trustOf(v spec.Vault) policyDocument {
	account := veleroServiceAccount
	if v.PodIdentity != "" {
		return policyDocument{policyVersion, []policyStatement{{
			Effect: "Allow", Action: []string{"sts:AssumeRole", "sts:TagSession"},
			Principal: map[string]string{"Service": "pods.eks.amazonaws.com"},
			Condition: map[string]map[string]string{"StringEquals": {
				"aws:SourceAccount":                         v.Account,
				"aws:RequestTag/kubernetes-namespace":       Namespace,
				"aws:RequestTag/kubernetes-service-account": account,
			}, "ArnEquals": {
				"aws:SourceArn": "arn:" + v.Partition() + ":eks:" + v.Region + ":" + v.Account + ":cluster/" + v.PodIdentity,
			}},
		}}}
	}
	return policyDocument{policyVersion, []policyStatement{{
		Effect: "Allow", Action: "sts:AssumeRoleWithWebIdentity",
		Principal: map[string]string{
			"Federated": "arn:" + v.Partition() + ":iam::" + v.Account + ":oidc-provider/" + v.OIDCProvider,
		},
		Condition: map[string]map[string]string{"StringEquals": {
			v.OIDCProvider + ":sub": "system:serviceaccount:" + Namespace + ":" + account,
			v.OIDCProvider + ":aud": "sts.amazonaws.com",
		}},
	}}}
}

// permissionsOf are those of velero-plugin-for-aws v1.14.3's README, less those of EC2: volumes are not snapshotted.
func permissionsOf(v spec.Vault) policyDocument {
	statements := []policyStatement{
		{Sid: "Objects", Effect: "Allow", Resource: v.BucketARN() + "/*", Action: []string{
			"s3:GetObject", "s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
		}},
		{Sid: "Bucket", Effect: "Allow", Resource: v.BucketARN(), Action: []string{"s3:ListBucket"}},
	}
	if v.KMSKey != "" {
		statements = append(statements, policyStatement{
			Sid: "Key", Effect: "Allow", Resource: v.KMSKey, Action: []string{"kms:Decrypt", "kms:GenerateDataKey"},
		})
	}
	return policyDocument{policyVersion, statements}
}
