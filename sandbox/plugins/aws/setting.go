package aws

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	provider "github.com/pulumi/pulumi-go-provider"
)

// setting is one configuration of a bucket, which is a resource of its own. Its id is the bucket's name.
type setting struct {
	name   string // the token's last part, in v6 and in v7 where it differs
	alias  string
	what   string   // in words, for messages
	absent []string // the error codes by which the store says that the bucket has no such configuration
	inputs fields
	verify func(in plain) []provider.CheckFailure

	put    func(ctx context.Context, client *s3.Client, bucket string, in plain) error
	get    func(ctx context.Context, client *s3.Client, bucket string) (live any, err error) // nil when there is none
	remove func(ctx context.Context, client *s3.Client, bucket string, old plain) error
}

// settings are a bucket's configurations.
var settings = []resource{
	versioning.resource(), encryption.resource(), publicAccessBlock.resource(), ownership.resource(),
	bucketPolicy.resource(), lifecycle.resource(), objectLock.resource(),
}

// resource is the setting as a resource.
func (s setting) resource() resource {
	inputs := fields{"bucket": {kind: text, required: true, replaces: true}}
	for name, f := range s.inputs {
		inputs[name] = f
	}
	r := resource{tokens: []string{token("s3", s.name)}, inputs: inputs, verify: s.verify}
	if s.alias != "" {
		r.tokens = append(r.tokens, token("s3", s.alias))
	}
	r.put = func(ctx context.Context, c *cloud, id string, in, _ plain) (string, plain, error) {
		bucket := in["bucket"].(string)
		err := s.put(ctx, c.s3, bucket, in)
		if failed(err, "NotImplemented") {
			if err := c.needBucket(ctx, bucket); err != nil {
				return "", nil, fmt.Errorf("bucket %q: %w", bucket, err)
			}
			provider.GetLogger(ctx).
				Warning(fmt.Sprintf("The S3 server does not implement %s: it is kept in the stack's "+
					"state as declared, and is NOT enforced on bucket %q.", s.what, bucket))
			err = nil
		}
		return bucket, nil, err
	}
	r.get = func(ctx context.Context, c *cloud, id string, old plain) (in, out plain, err error) {
		live, err := s.get(ctx, c.s3, id)
		switch {
		case failed(err, "NotImplemented"):
			// Nothing can be read but whether the bucket is there.
			if err := c.needBucket(ctx, id); err != nil {
				return nil, nil, err
			}
			if len(old) == 0 {
				return nil, nil, fmt.Errorf("the S3 server does not implement %s, so there is none to import", s.what)
			}
			return old, nil, nil
		case failed(err, append([]string{"NoSuchBucket"}, s.absent...)...), err == nil && live == nil:
			return nil, nil, errGone
		case err != nil:
			return nil, nil, err
		}
		in = s.inputs.project(live)
		in["bucket"] = id
		return in, nil, nil
	}
	r.remove = func(ctx context.Context, c *cloud, id string, old plain) error {
		err := s.remove(ctx, c.s3, id, old)
		if failed(err, append([]string{"NoSuchBucket", "NotImplemented"}, s.absent...)...) || errors.Is(err, errGone) {
			return nil
		}
		return err
	}
	return r
}

// token is a resource's type: the module's file and the name's first letter in lower case, by convention.
func token(module, name string) string {
	return "aws:" + module + "/" + string(name[0]|0x20) + name[1:] + ":" + name
}
