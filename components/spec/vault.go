package spec

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/problem"
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

const minRepositoryPassword = 16

// Problems returns all that is wrong with the secrets of a vault, by the config's keys. Their values are not shown.
func (s VaultSecrets) Problems(v Vault) problem.List {
	var found problem.List
	if !v.Enabled {
		return found
	}
	if len(s.RepositoryPassword) < minRepositoryPassword {
		found.Add("repositoryPassword", "is missing or shorter than %d characters", minRepositoryPassword)
	}
	for _, key := range []struct{ path, value string }{{"accessKey", s.AccessKey}, {"secretKey", s.SecretKey}} {
		switch {
		case v.Store != nil && key.value == "":
			found.Add(key.path, "is missing: the store of opex:backup.store wants keys")
		case v.Store != nil && strings.ContainsFunc(key.value, notGraphic):
			found.Add(key.path, "holds spaces or other than printable ASCII")
		case v.Store == nil && key.value != "":
			found.Add(key.path, "is for an S3-compatible store; on AWS Velero takes a role")
		}
	}
	return found
}

func notGraphic(r rune) bool { return r <= ' ' || r > '~' }

// SetDefaults fills what is unset.
func (v *Vault) SetDefaults() { v.Enabled = true }

var (
	// bucketForm is S3's, without dots: names with dots do not work over TLS (Amazon S3 User Guide, bucket naming
	// rules).
	bucketForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	issuerForm  = regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]+(/[A-Za-z0-9/_.-]+)?$`)
	clusterForm = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)
	// boundaryForm takes AWS' own policies too.
	boundaryForm = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$`)
	pathForm     = regexp.MustCompile(`^/([!-.0-~]+/)*$`)
	keyForm      = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]+$`)
)

// Problems returns all that is wrong, by the config's keys.
func (v Vault) Problems() problem.List {
	var found problem.List
	if !v.Enabled {
		return found
	}
	want := func(path, value string, form *regexp.Regexp, what string) {
		if value == "" {
			found.Add(path, "is missing: want %s; or switch backups off with enabled: false", what)
		} else if !form.MatchString(value) {
			found.Add(path, "is %q, want %s", value, what)
		}
	}
	want("bucket", v.Bucket, bucketForm, "3 to 63 lower-case letters, digits and -, the first and last no -")
	want("region", v.Region, regionForm, "a region such as eu-west-1")
	if v.Store == nil {
		v.checkAWS(want)
	} else {
		for _, only := range v.onlyAWS() {
			if only.value != "" {
				found.Add(only.path, "is for AWS, and store names another")
			}
		}
		found.AddAll("store.", v.Store.problems())
	}
	if v.ObjectLock != nil {
		if !slices.Contains([]string{"governance", "compliance"}, v.ObjectLock.Mode) {
			found.Add("objectLock.mode", "is %q, allowed are governance and compliance", v.ObjectLock.Mode)
		}
		if v.ObjectLock.Days < 1 {
			found.Add(
				"objectLock.days", "is %d, want 1 or more; leave objectLock out if nothing is to be locked",
				v.ObjectLock.Days,
			)
		}
	}
	return found
}

// checkAWS looks at what only AWS needs.
func (v Vault) checkAWS(want func(path, value string, form *regexp.Regexp, what string)) {
	want("account", v.Account, accountForm, "the 12 digits of an AWS account, in quotes")
	if v.PodIdentity == "" {
		want(
			"oidcProvider", v.OIDCProvider, issuerForm,
			"the cluster's OIDC provider without https://, as `aws eks describe-cluster` shows it",
		)
	} else {
		want("podIdentity", v.PodIdentity, clusterForm, "the name of an EKS cluster")
	}
	if v.PermissionsBoundary != "" {
		want("permissionsBoundary", v.PermissionsBoundary, boundaryForm, "the ARN of an IAM policy")
	}
	if v.IAMPath != "" {
		want("iamPath", v.IAMPath, pathForm, "a path that starts and ends with /")
	}
	if v.KMSKey != "" {
		want("kmsKey", v.KMSKey, keyForm, "the ARN of a KMS key; an alias may be moved to another key")
	}
}

type setKey struct{ path, value string }

// onlyAWS are the keys that mean nothing to another store.
func (v Vault) onlyAWS() []setKey {
	return []setKey{
		{"account", v.Account}, {"oidcProvider", v.OIDCProvider}, {"podIdentity", v.PodIdentity}, {"kmsKey", v.KMSKey},
		{"permissionsBoundary", v.PermissionsBoundary}, {"iamPath", v.IAMPath},
	}
}

func (s Store) problems() problem.List {
	var found problem.List
	check := func(path, value string) {
		if at, err := url.Parse(value); err != nil || at.Scheme != "https" || at.Host == "" ||
			strings.Trim(at.Path, "/") != "" {
			found.Add(
				path, "is %q, want https://host:port: a bucket's policy refuses what is not encrypted on its way",
				value,
			)
		}
	}
	check("url", s.URL)
	if s.PublicURL != "" {
		check("publicUrl", s.PublicURL)
	}
	return found
}

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
