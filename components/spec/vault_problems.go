package spec

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/problem"
)

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
