package spec

import (
	"strings"
)

// Vault describes where backups go. It is `opex:backup`.
type Vault struct {
	// Make the bucket, install Velero, and back every service up. false: nothing of it, and nothing comes back.
	Enabled bool `json:"enabled"`
	// Name of the S3 bucket, which the program makes. Names are unique across all of AWS.
	Bucket string `json:"bucket"`
	// AWS region of the bucket. For an S3-compatible store, the one it was set up with; often us-east-1.
	Region string `json:"region"`
	// The AWS account to work in, 12 digits; credentials of any other are refused. Required for AWS.
	Account string `json:"account"`
	// The cluster's OIDC provider without https://, such as oidc.eks.eu-west-1.amazonaws.com/id/0123: Velero gets its
	// rights by it. Required for AWS.
	OIDCProvider string `json:"oidcProvider"`
	// Name of the EKS cluster, for Velero to get its rights by EKS Pod Identity instead of the OIDC provider; the
	// add-on must be installed.
	PodIdentity string `json:"podIdentity"`
	// ARN of the policy that bounds Velero's role, where the account demands one.
	PermissionsBoundary string `json:"permissionsBoundary"`
	// Path of Velero's role and policy, such as /platform/. Empty: /.
	IAMPath string `json:"iamPath"`
	// ARN of the KMS key that encrypts the bucket. Empty: keys of S3 itself (AES256).
	KMSKey string `json:"kmsKey"`
	// Keep what was written from being deleted, by anybody. Can be switched on only while the bucket is made. Left out:
	// off.
	ObjectLock *ObjectLock `json:"objectLock"`
	// An S3-compatible store instead of AWS, with keys in opex:backupSecrets. Left out: AWS.
	Store *Store `json:"store"`
}

// ObjectLock describes S3's Object Lock.
type ObjectLock struct {
	// governance: a right of its own may still delete. compliance: nobody may, not even the account's owner.
	Mode string `json:"mode"`
	// Days that each object is kept from being deleted; no longer than backups are kept.
	Days int `json:"days" config:"required"`
}

// SetDefaults fills what is unset.
func (o *ObjectLock) SetDefaults() { setDefault(&o.Mode, "governance") }

// S3Mode is the mode as S3 writes it.
func (o ObjectLock) S3Mode() string { return strings.ToUpper(o.Mode) }

// Store describes an S3-compatible store.
type Store struct {
	// https:// address of the store as pods reach it.
	URL string `json:"url" config:"required"`
	// The same as this program and the command opex reach it. Empty: the same address.
	PublicURL string `json:"publicUrl"`
	// Path of the PEM file with the store's certificate authority, from the project's folder or with ~/ from the home
	// folder. Empty: the public ones.
	CAFile string `json:"caFile"`
}

// VaultSecrets are `opex:backupSecrets`.
type VaultSecrets struct {
	// Encrypts the copies of volumes in the bucket. Keep it elsewhere too: without it no backup can be read, and it
	// cannot be changed.
	RepositoryPassword string `json:"repositoryPassword"`
	// Velero's key to an S3-compatible store.
	AccessKey string `json:"accessKey"`
	// The secret of that key.
	SecretKey string `json:"secretKey"`
}

// SetDefaults fills what is unset.
func (v *Vault) SetDefaults() { v.Enabled = true }

// AddressOutside is the store's address outside the cluster.
func (s Store) AddressOutside() string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	return s.URL
}

// Partition is the part of AWS that a region lies in, as ARNs have it.
func (v Vault) Partition() string {
	switch {
	case strings.HasPrefix(v.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(v.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// BucketARN is the bucket's Amazon Resource Name.
func (v Vault) BucketARN() string { return "arn:" + v.Partition() + ":s3:::" + v.Bucket }
