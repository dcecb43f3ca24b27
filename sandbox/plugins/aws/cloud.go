package aws

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// account is the AWS account that the stand-in pretends to be. No real account has this number.
const account = "000000000000"

// partition is the only part of AWS that the stand-in pretends to be in.
const partition = "aws"

// cloud is a configured connection: a real S3 server, and what resources need to know to name themselves.
type cloud struct {
	s3          *s3.Client
	region      string
	user        string            // the access key's ID
	defaultTags map[string]string // for every resource that has tags
}

func newCloud(c config) (*cloud, error) {
	tlsConfig := &tls.Config{InsecureSkipVerify: c.Insecure} //nolint:gosec // The user asked for it, by name.
	if c.CustomCaBundle != "" {
		bundle, err := os.ReadFile(c.CustomCaBundle)
		if err != nil {
			return nil, fmt.Errorf("aws provider: customCaBundle: %w", err)
		}
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(bundle) {
			return nil, fmt.Errorf("aws provider: customCaBundle: %s holds no PEM certificate", c.CustomCaBundle)
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = tlsConfig
	client := s3.New(s3.Options{
		Region:       c.Region,
		BaseEndpoint: awssdk.String(c.s3Endpoint()),
		UsePathStyle: c.S3UsePathStyle,
		Credentials:  credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.Token),
		HTTPClient:   &http.Client{Transport: transport},
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			if c.MaxRetries > 0 {
				o.MaxAttempts = c.MaxRetries
			}
		}),
	})
	return &cloud{s3: client, region: c.Region, user: c.AccessKey, defaultTags: c.DefaultTags.Tags}, nil
}

// failed tells whether the S3 server answered with one of the given error codes.
func failed(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// answer is an error as a person reads it: the S3 server's own words, without the SDK's request numbers.
func answer(err error) error {
	var call *smithy.OperationError
	var api smithy.APIError
	if !errors.As(err, &call) || !errors.As(err, &api) || api.ErrorMessage() == "" {
		return err
	}
	words := fmt.Sprintf("the S3 server answered %s: %s", api.ErrorCode(), api.ErrorMessage())
	return errors.New(strings.Replace(err.Error(), call.Error(), words, 1))
}

// errGone says that a resource is not there any more.
var errGone = errors.New("it is not there")

// needBucket returns errGone when there is no such bucket.
func (c *cloud) needBucket(ctx context.Context, name string) error {
	_, err := c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	if failed(err, "NotFound", "NoSuchBucket") {
		return errGone
	}
	return err
}
