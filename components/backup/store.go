package backup

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
)

// newStore declares the bucket and, on AWS, the role of Velero. It returns the role's ARN, "" for a store with keys,
// and what must be there before Velero starts.
func newStore(
	ctx *pulumi.Context, name string, v BackupVaultArgs, child pulumi.ResourceOption,
) (pulumi.StringOutput, []pulumi.Resource, error) {
	none := pulumi.String("").ToStringOutput()
	provider, err := newAWSProvider(ctx, name+"-aws", v, child)
	if err != nil {
		return none, nil, err
	}
	onAWS := []pulumi.ResourceOption{child, pulumi.Provider(provider)}
	before, err := newBucket(ctx, name+"-bucket", v, onAWS...)
	if err != nil || v.Vault.Store != nil {
		return none, before, err
	}
	role, access, err := newVeleroRole(ctx, name, v, onAWS...)
	if err != nil {
		return none, nil, err
	}
	return role.Arn, append(before, access...), nil
}

// newAWSProvider declares the connection to AWS, or to the store. Credentials for AWS are those that its own tools find;
// those of another account are refused. All that it makes is tagged with who pays.
func newAWSProvider(
	ctx *pulumi.Context, name string, v BackupVaultArgs, opts ...pulumi.ResourceOption,
) (*aws.Provider, error) {
	vault := v.Vault
	args := &aws.ProviderArgs{Region: pulumi.String(vault.Region)}
	if vault.Store == nil {
		args.AllowedAccountIds = pulumi.ToStringArray([]string{vault.Account})
		args.DefaultTags = &aws.ProviderDefaultTagsArgs{Tags: pulumi.ToStringMap(v.ObjectLabels(veleroName))}
	} else {
		args.Endpoints = aws.ProviderEndpointArray{aws.ProviderEndpointArgs{S3: pulumi.String(vault.Store.AddressOutside())}}
		args.S3UsePathStyle = pulumi.Bool(true)
		// Not from the environment: there the same names may sign in to the cluster.
		args.AccessKey = pulumi.ToSecret(pulumi.String(v.Secrets.AccessKey)).(pulumi.StringOutput)
		args.SecretKey = pulumi.ToSecret(pulumi.String(v.Secrets.SecretKey)).(pulumi.StringOutput)
		if vault.Store.CAFile != "" {
			// As it is written: the plugin runs in the project's folder, and another checkout of it is no difference.
			args.CustomCaBundle = pulumi.String(vault.Store.CAFile)
		}
		// What only AWS itself has.
		args.SkipCredentialsValidation = pulumi.Bool(true)
		args.SkipMetadataApiCheck = pulumi.Bool(true)
		args.SkipRequestingAccountId = pulumi.Bool(true)
	}
	return aws.NewProvider(ctx, name, args, opts...)
}

// newVeleroSecrets declares what Velero must find at its first start.
func newVeleroSecrets(
	ctx *pulumi.Context, name string, v BackupVaultArgs, namespace *corev1.Namespace, opts ...pulumi.ResourceOption,
) ([]pulumi.Resource, error) {
	secret := func(role, object, key, value string) (pulumi.Resource, error) {
		return corev1.NewSecret(ctx, name+"-"+role, &corev1.SecretArgs{
			Metadata: v.Metadata(object, veleroName, platform.NameOf(namespace)), Type: pulumi.String("Opaque"),
			Data: pulumi.ToSecret(pulumi.StringMap{key: pulumi.String(base64Of(value))}).(pulumi.StringMapOutput),
		}, opts...)
	}
	// Without this password nothing in the bucket can be read: it is not to be lost with the stack's state.
	repository, err := secret(
		"repository-secret", repositorySecret, "repository-password", v.Secrets.RepositoryPassword,
	)
	if err != nil || v.Vault.Store == nil {
		return []pulumi.Resource{repository}, err
	}
	keys := fmt.Sprintf(
		"[default]\naws_access_key_id=%s\naws_secret_access_key=%s\n", v.Secrets.AccessKey, v.Secrets.SecretKey,
	)
	store, err := secret("store-secret", credentialsSecret, "cloud", keys)
	return []pulumi.Resource{repository, store}, err
}
