package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	provider "github.com/pulumi/pulumi-go-provider"
)

// bucket is a bucket whose settings are resources of their own.
var bucket = resource{
	tokens: []string{"aws:s3/bucketV2:BucketV2"},
	inputs: fields{
		"bucket":            {kind: text, replaces: true},
		"bucketPrefix":      {kind: text, replaces: true},
		"forceDestroy":      {kind: flag},
		"objectLockEnabled": {kind: flag, replaces: true, computed: true},
		"tags":              {kind: texts},
	},
	outputs: []string{"arn", "bucketDomainName", "bucketRegionalDomainName", "region", "requestPayer"},
	named:   naming{input: "bucket", prefix: "bucketPrefix", max: 63, lower: true},
	tagged:  true,
	verify:  verifyBucket,
	put:     putBucket,
	get:     getBucket,
	remove:  removeBucket,
}

// bucketLegacy is the name of BucketV2 in pulumi-aws v7, and of an older bucket in v6. Only what both share is taken:
// v6's inline settings are refused by their names.
var bucketLegacy = func() resource {
	r := bucket
	r.tokens = []string{"aws:s3/bucket:Bucket"}
	return r
}()

// ownerTag marks a bucket with the resource that made it. It lets an update that was killed between the making of the
// bucket and the writing of the state find its own bucket again. It is hidden from the program.
const ownerTag = "pulumi-stand-in:owner"

// bucketName is what S3 allows, in short: 3 to 63 of a-z, 0-9, hyphen and dot, ending in letters or digits.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func verifyBucket(in plain) []provider.CheckFailure {
	name, _ := in["bucket"].(string)
	if !bucketName.MatchString(name) || strings.Contains(name, "..") || net.ParseIP(name) != nil {
		return []provider.CheckFailure{{Property: "bucket", Reason: fmt.Sprintf("%q is not a bucket's name: 3 to 63 "+
			"characters of a-z, 0-9, '-' and '.', that begins and ends with a letter or a digit and is no IP address", name)}}
	}
	return nil
}

func putBucket(ctx context.Context, c *cloud, id string, in, _ plain) (string, plain, error) {
	name := in["bucket"].(string)
	owner := sha256.Sum256([]byte(urnFrom(ctx)))
	mark := hex.EncodeToString(owner[:16])
	if id == "" {
		if err := c.makeBucket(ctx, name, mark, in); err != nil {
			return "", nil, err
		}
	}
	tags := []types.Tag{{Key: awssdk.String(ownerTag), Value: awssdk.String(mark)}}
	for key, value := range c.allTags(in) {
		tags = append(tags, types.Tag{Key: awssdk.String(key), Value: awssdk.String(value.(string))})
	}
	if _, err := c.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
		Bucket: &name, Tagging: &types.Tagging{TagSet: tags},
	}); err != nil {
		return "", nil, fmt.Errorf("tags: %w", err)
	}
	return name, c.bucketOutputs(name, in), nil
}

// makeBucket creates the bucket, or takes over the one that an interrupted creation of the same resource left.
func (c *cloud) makeBucket(ctx context.Context, name, mark string, in plain) error {
	lock, _ := in["objectLockEnabled"].(bool)
	conf := &types.CreateBucketConfiguration{
		Tags: []types.Tag{{Key: awssdk.String(ownerTag), Value: awssdk.String(mark)}},
	}
	if c.region != "us-east-1" { // The one region that must not be named.
		conf.LocationConstraint = types.BucketLocationConstraint(c.region)
	}
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: conf, ObjectLockEnabledForBucket: &lock,
	})
	if failed(err, "BucketAlreadyOwnedByYou", "BucketAlreadyExists") {
		if tags, tagErr := c.bucketTags(ctx, name); tagErr == nil && tags[ownerTag] == mark {
			return nil
		}
		return fmt.Errorf("a bucket %q exists already, and this resource did not make it: choose another name, "+
			"or take it over with the resource option import: %q", name, name)
	}
	return err
}

func (c *cloud) bucketOutputs(name string, in plain) plain {
	lock, _ := in["objectLockEnabled"].(bool)
	force, _ := in["forceDestroy"].(bool)
	return plain{
		"arn":                      "arn:" + partition + ":s3:::" + name,
		"bucketDomainName":         name + ".s3.amazonaws.com",
		"bucketRegionalDomainName": name + ".s3." + c.region + ".amazonaws.com",
		"region":                   c.region,
		"requestPayer":             "BucketOwner",
		"forceDestroy":             force,
		"objectLockEnabled":        lock,
	}
}

func getBucket(ctx context.Context, c *cloud, id string, old plain) (in, out plain, err error) {
	if err := c.needBucket(ctx, id); err != nil {
		return nil, nil, err
	}
	tags, err := c.bucketTags(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("tags: %w", err)
	}
	delete(tags, ownerTag)
	lock, err := c.s3.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &id})
	if err != nil && !failed(err, "ObjectLockConfigurationNotFoundError", "NotImplemented") {
		return nil, nil, fmt.Errorf("object lock: %w", err)
	}
	in = plain{
		"bucket":       id,
		"bucketPrefix": old["bucketPrefix"],
		"forceDestroy": old["forceDestroy"],
		"tags":         c.ownTags(tags),
	}
	in["objectLockEnabled"] = err == nil && lock.ObjectLockConfiguration != nil &&
		lock.ObjectLockConfiguration.ObjectLockEnabled == types.ObjectLockEnabledEnabled
	out = c.bucketOutputs(id, in)
	out["tagsAll"] = tags
	return in, out, nil
}

func (c *cloud) bucketTags(ctx context.Context, name string) (plain, error) {
	tags := plain{}
	got, err := c.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	if failed(err, "NoSuchTagSet", "NoSuchTagSetError") {
		return tags, nil
	}
	if err != nil {
		return nil, err
	}
	for _, t := range got.TagSet {
		tags[*t.Key] = awssdk.ToString(t.Value)
	}
	return tags, nil
}

func removeBucket(ctx context.Context, c *cloud, id string, old plain) error {
	if err := c.needBucket(ctx, id); errors.Is(err, errGone) {
		return nil
	} else if err != nil {
		return err
	}
	if force, _ := old["forceDestroy"].(bool); force {
		if err := c.empty(ctx, id); err != nil {
			return err
		}
	}
	_, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &id})
	if failed(err, "BucketNotEmpty", "VersionedBucketNotEmpty") {
		return fmt.Errorf("bucket %q holds objects or old versions of them, and forceDestroy is not set: "+
			"empty it, or set forceDestroy and run `pulumi up` first; then everything in it will be deleted", id)
	}
	if failed(err, "NoSuchBucket") {
		return nil
	}
	return err
}
