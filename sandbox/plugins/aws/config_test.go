package aws

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	provider "github.com/pulumi/pulumi-go-provider"
)

var goodConfig = plain{
	"region": "us-east-1", "accessKey": "key", "secretKey": "secret", "s3UsePathStyle": "true",
	"endpoints": `[{"s3": "http://127.0.0.1:1"}]`, "defaultTags": `{"tags": {"team": "t"}}`, "skipMetadataApiCheck": true,
	"version": "6.83.2",
}

func TestConfigTakesJSONInStringsAndHidesCredentials(t *testing.T) {
	got, err := Provider().CheckConfig(context.Background(), provider.CheckRequest{Inputs: fromPlain(goodConfig)})
	if err != nil || len(got.Failures) > 0 {
		t.Fatalf("%v, %v", err, got.Failures)
	}
	for name, v := range got.Inputs.All {
		if want := name == "accessKey" || name == "secretKey"; v.Secret() != want {
			t.Errorf("%s: secret is %v", name, v.Secret())
		}
	}
	c, err := newConfig(got.Inputs)
	if err != nil {
		t.Fatal(err)
	}
	if c.s3Endpoint() != "http://127.0.0.1:1" || !c.S3UsePathStyle || c.DefaultTags.Tags["team"] != "t" {
		t.Errorf("decoded as %+v", c)
	}
}

func TestConfigRefusesWhatItCannotDo(t *testing.T) {
	for _, v := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(v, "")
	}
	for name, c := range map[string]struct {
		change plain
		want   []string
	}{
		"profile":       {plain{"profile": "default"}, []string{"profile is not supported", "accessKey"}},
		"misspelt":      {plain{"regoin": "x", "assumeRole": plain{}}, []string{"regoin is not", "assumeRole is not"}},
		"no endpoint":   {plain{"endpoints": []any{}}, []string{`endpoints[].s3 is ""`}},
		"bad endpoint":  {plain{"endpoints": []any{plain{"s3": "nowhere"}}}, []string{`endpoints[].s3 is "nowhere"`}},
		"other service": {plain{"endpoints": []any{plain{"ec2": "http://x"}}}, []string{"endpoints[0].ec2 is not supported"}},
		"nothing":       {plain{"region": "", "accessKey": "", "endpoints": []any{}}, []string{"region is", "accessKey and", "endpoints"}},
	} {
		got, err := Provider().CheckConfig(context.Background(),
			provider.CheckRequest{Inputs: fromPlain(merged(goodConfig, c.change))})
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, f := range got.Failures {
			all.WriteString(f.Property + " " + f.Reason + "\n")
		}
		for _, want := range c.want {
			if !strings.Contains(all.String(), want) {
				t.Errorf("%s: want %q in %q", name, want, all.String())
			}
		}
	}
}

func TestCustomCaBundleIsNeededAndTrusted(t *testing.T) {
	server := httptest.NewTLSServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
	)
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, block, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change  plain
		trusted bool
	}{
		"system's": {plain{}, false}, "ours": {plain{"customCaBundle": bundle}, true}, "any": {plain{"insecure": true}, true},
	} {
		conf, err := newConfig(fromPlain(merged(goodConfig, merged(c.change,
			plain{"endpoints": []any{plain{"s3": server.URL}}, "maxRetries": 1.0}))))
		if err != nil {
			t.Fatal(err)
		}
		cloud, err := newCloud(conf)
		if err != nil {
			t.Fatal(err)
		}
		if err := cloud.needBucket(context.Background(), "b"); (err == nil) != c.trusted {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newCloud(config{CustomCaBundle: "config_test.go"}); err == nil ||
		!strings.Contains(err.Error(), "no PEM certificate") {
		t.Errorf("a bundle without certificates: %v", err)
	}
}
