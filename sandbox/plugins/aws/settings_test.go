package aws

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	provider "github.com/pulumi/pulumi-go-provider"
)

// allowAll is a policy in the spelling of a program; the server may spell it otherwise.
func allowAll(bucket string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],` +
		`"Resource":["arn:aws:s3:::` + bucket + `/*"]}]}`
}

// eachSetting is every setting with inputs for it.
func eachSetting(bucket string) map[string]plain {
	return map[string]plain{
		"aws:s3/bucketVersioningV2:BucketVersioningV2": {"versioningConfiguration": plain{"status": "Enabled"}},
		"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {"rules": []any{
			plain{"applyServerSideEncryptionByDefault": plain{"sseAlgorithm": "AES256"}, "bucketKeyEnabled": false},
		}},
		"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
			"blockPublicAcls":       true,
			"restrictPublicBuckets": false,
		},
		"aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
			"rule": plain{"objectOwnership": "BucketOwnerEnforced"},
		},
		"aws:s3/bucketPolicy:BucketPolicy": {"policy": allowAll(bucket)},
		"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": {"rules": []any{plain{
			"id": "old", "status": "Enabled", "noncurrentVersionExpiration": plain{"noncurrentDays": 30.0},
			"abortIncompleteMultipartUpload": plain{"daysAfterInitiation": 7.0},
		}}},
		"aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2": {
			"rule": plain{"defaultRetention": plain{"mode": "GOVERNANCE", "days": 1.0}},
		},
	}
}

func TestSettingsAreStableThroughRefreshImportAndDelete(t *testing.T) {
	e := newEngine(t, nil)
	b := e.create(bucketToken, "b", plain{"objectLockEnabled": true, "forceDestroy": true})
	for token, inputs := range eachSetting(b.id) {
		t.Run(token, func(t *testing.T) {
			e := e
			e.t = t
			inputs["bucket"] = b.id
			m := e.create(token, "setting", inputs)
			if m.id != b.id {
				t.Errorf("the id is %q", m.id)
			}
			if d := e.diff(m, inputs); d.HasChanges {
				t.Errorf("unchanged, it differs: %v", d.DetailedDiff)
			}
			read := e.refresh(m)
			if d := e.diff(read, inputs); read.id == "" || d.HasChanges {
				t.Errorf("after a refresh, id %q differs: %v", read.id, d.DetailedDiff)
			}
			if d := e.diff(m, merged(inputs, plain{"bucket": "other"})); d.DetailedDiff["bucket"].Kind != "update&replace" {
				t.Errorf("another bucket shows as %v", d.DetailedDiff)
			}
			if err := e.delete(m); err != nil {
				t.Errorf("delete: %v", err)
			}
		})
	}
	// A setting goes with its bucket.
	m := e.create(
		"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "p", plain{"bucket": b.id, "blockPublicAcls": true},
	)
	if err := e.delete(b); err != nil {
		t.Fatal(err)
	}
	if read := e.refresh(m); read.id != "" {
		t.Error("the setting outlives its bucket")
	}
	if err := e.delete(m); err != nil {
		t.Errorf("deleting it then: %v", err)
	}
	if _, err := e.tryCreate(m.urn.Type().String(), "p", plain{"bucket": b.id}); err == nil {
		t.Error("a setting was made on no bucket")
	}
}

func merged(a, b plain) plain {
	out := plain{}
	for _, m := range []plain{a, b} {
		for name, x := range m {
			out[name] = x
		}
	}
	return out
}

func TestBucketPolicyIsEnforced(t *testing.T) {
	e := newEngine(t, nil)
	b := e.create(bucketToken, "b", plain{})
	e.put(b.id, "public")
	anonymously := func() int {
		resp, err := http.Get(*e.s3.Options().BaseEndpoint + "/" + b.id + "/public")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := anonymously(); got != http.StatusForbidden {
		t.Errorf("without a policy a stranger gets %d", got)
	}
	p := e.create("aws:s3/bucketPolicy:BucketPolicy", "p", plain{"bucket": b.id, "policy": allowAll(b.id)})
	if got := anonymously(); got != http.StatusOK {
		t.Errorf("with a policy that allows it a stranger gets %d", got)
	}
	if err := e.delete(p); err != nil {
		t.Fatal(err)
	}
	if got := anonymously(); got != http.StatusForbidden {
		t.Errorf("after the policy a stranger gets %d", got)
	}
}

func TestRefreshSeesDrift(t *testing.T) {
	e, ctx := newEngine(t, nil), context.Background()
	b := e.create(bucketToken, "b", plain{})
	inputs := eachSetting(b.id)
	token := "aws:s3/bucketVersioningV2:BucketVersioningV2"
	v := e.create(token, "v", merged(inputs[token], plain{"bucket": b.id}))
	if _, err := e.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b.id,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended}}); err != nil {
		t.Fatal(err)
	}
	if d := e.diff(e.refresh(v), toPlain(v.inputs)); d.DetailedDiff["versioningConfiguration.status"].Kind != "update" {
		t.Errorf("suspended versioning shows as %v", d.DetailedDiff)
	}

	token = "aws:s3/bucketPolicy:BucketPolicy"
	p := e.create(token, "p", merged(inputs[token], plain{"bucket": b.id}))
	other := strings.Replace(allowAll(b.id), "s3:GetObject", "s3:PutObject", 1)
	if _, err := e.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.id, Policy: &other}); err != nil {
		t.Fatal(err)
	}
	if d := e.diff(e.refresh(p), toPlain(p.inputs)); d.DetailedDiff["policy"].Kind != "update" {
		t.Errorf("a changed policy shows as %v", d.DetailedDiff)
	}
	if _, err := e.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &b.id}); err != nil {
		t.Fatal(err)
	}
	if read := e.refresh(p); read.id != "" {
		t.Error("a deleted policy is still found")
	}
}

func TestSettingsOnTheServerAreImportedOthersRefused(t *testing.T) {
	e := newEngine(t, nil)
	b := e.create(bucketToken, "b", plain{"objectLockEnabled": true})
	for token, inputs := range eachSetting(b.id) {
		m, err := e.tryCreate(token, "s", merged(inputs, plain{"bucket": b.id}))
		if err != nil {
			t.Fatalf("%s: %v", token, err)
		}
		if strings.Contains(token, "Encryption") || strings.Contains(token, "Public") ||
			strings.Contains(token, "Lifecycle") {
			_, err := e.p.Read(context.Background(), provider.ReadRequest{ID: b.id, Urn: m.urn})
			if err == nil || !strings.Contains(err.Error(), "none to import") {
				t.Errorf("%s: got %v", token, err)
			}
			continue
		}
		read := e.refresh(made{urn: m.urn, id: b.id})
		if d := e.diff(read, toPlain(read.inputs)); read.id != b.id || d.HasChanges {
			t.Errorf("%s: the imported setting differs: %v", token, d.DetailedDiff)
		}
	}
}
