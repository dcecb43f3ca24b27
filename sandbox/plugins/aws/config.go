package aws

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// configFields are the provider's inputs that the stand-in takes. The skip* ones are taken for granted: it validates no
// credentials, asks no metadata service and knows no list of regions.
var configFields = fields{
	"region":    {kind: text},
	"accessKey": {kind: text, secret: true},
	"secretKey": {kind: text, secret: true},
	"token":     {kind: text, secret: true},
	"endpoints": {kind: list, of: &field{kind: object, fields: fields{
		"s3": {kind: text}, "iam": {kind: text}, "sts": {kind: text},
	}}},
	"s3UsePathStyle":            {kind: flag},
	"customCaBundle":            {kind: text},
	"insecure":                  {kind: flag},
	"maxRetries":                {kind: number},
	"version":                   {kind: text}, // the program's SDK's; the engine adds it
	"skipCredentialsValidation": {kind: flag},
	"skipMetadataApiCheck":      {kind: flag},
	"skipRegionValidation":      {kind: flag},
	"skipRequestingAccountId":   {kind: flag},
	"defaultTags":               {kind: object, fields: fields{"tags": {kind: texts}}},
}

// config is the provider's configuration. What is not set comes from the environment that AWS's own tools read.
type config struct {
	Region         string              `json:"region"`
	AccessKey      string              `json:"accessKey"`
	SecretKey      string              `json:"secretKey"`
	Token          string              `json:"token"`
	Endpoints      []map[string]string `json:"endpoints"`
	S3UsePathStyle bool                `json:"s3UsePathStyle"`
	CustomCaBundle string              `json:"customCaBundle"` // path of a PEM file
	Insecure       bool                `json:"insecure"`       // do not verify the server's certificate
	MaxRetries     int                 `json:"maxRetries"`     // 0 means 3
	DefaultTags    struct {
		Tags map[string]string `json:"tags"`
	} `json:"defaultTags"`
}

// checkConfig refuses what the stand-in cannot do, all problems at once, and marks the credentials secret.
func checkConfig(inputs property.Map) (property.Map, []provider.CheckFailure) {
	inputs = unpack(inputs)
	problems := configFields.check("", inputs)
	for name, f := range configFields {
		if v, ok := inputs.GetOk(name); ok && f.secret {
			inputs = inputs.Set(name, v.WithSecret(true))
		}
	}
	if len(problems) == 0 && !property.New(inputs).HasComputed() {
		if _, err := newConfig(inputs); err != nil {
			problems = append(problems, provider.CheckFailure{Reason: err.Error()})
		}
	}
	return inputs, problems
}

// unpack decodes the values that came as JSON in a string: an engine passes a provider's booleans, lists and objects
// so.
func unpack(inputs property.Map) property.Map {
	for name, v := range inputs.All {
		f, ok := configFields[name]
		if !ok || f.kind == text || !v.IsString() {
			continue
		}
		var decoded any
		if json.Unmarshal([]byte(v.AsString()), &decoded) == nil {
			inputs = inputs.Set(name, propertyValue(decoded).WithSecret(v.Secret()))
		}
	}
	return inputs
}

// newConfig decodes inputs that checkConfig has passed, and completes them.
func newConfig(inputs property.Map) (config, error) {
	c, err := convert[config](toPlain(unpack(inputs)))
	if err != nil {
		return config{}, fmt.Errorf("aws provider: %w", err)
	}
	c.Region = firstOf(c.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	c.AccessKey = firstOf(c.AccessKey, os.Getenv("AWS_ACCESS_KEY_ID"))
	c.SecretKey = firstOf(c.SecretKey, os.Getenv("AWS_SECRET_ACCESS_KEY"))
	c.Token = firstOf(c.Token, os.Getenv("AWS_SESSION_TOKEN"))
	c.CustomCaBundle = firstOf(c.CustomCaBundle, os.Getenv("AWS_CA_BUNDLE"))
	var problems []error
	if c.Region == "" {
		problems = append(problems, errors.New("region is missing: set aws:region or AWS_REGION"))
	}
	if c.AccessKey == "" || c.SecretKey == "" {
		problems = append(problems, errors.New("accessKey and secretKey are missing: set both, "+
			"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; profiles are not supported"))
	}
	if at, err := url.Parse(c.s3Endpoint()); err != nil || at.Host == "" {
		problems = append(problems, fmt.Errorf("endpoints[].s3 is %q: it must be the URL of an S3 server, "+
			"because the offline stand-in talks to no other; AWS_ENDPOINT_URL_S3 can give it too", c.s3Endpoint()))
	}
	return c, errors.Join(problems...)
}

// s3Endpoint is the URL of the S3 server.
func (c config) s3Endpoint() string {
	for _, e := range c.Endpoints {
		if e["s3"] != "" {
			return e["s3"]
		}
	}
	return firstOf(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
