package aws

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

const bucketToken = "aws:s3/bucketV2:BucketV2"

func (e engine) put(bucket, key string) {
	e.t.Helper()
	if _, err := e.s3.PutObject(context.Background(),
		&s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("data")}); err != nil {
		e.t.Fatal(err)
	}
}

func (e engine) exists(bucket string) bool {
	return !errors.Is((&cloud{s3: e.s3}).needBucket(context.Background(), bucket), errGone)
}

func TestBucketIsMadeNamedTaggedAndDeleted(t *testing.T) {
	e := newEngine(t, plain{"defaultTags": plain{"tags": plain{"team": "product-team"}}})
	inputs := plain{"tags": plain{"app": "task-api"}}
	b := e.create(bucketToken, "Backups", inputs)
	if !regexp.MustCompile(`^backups-[0-9a-f]{7}$`).MatchString(b.id) {
		t.Errorf("the bucket is named %q", b.id)
	}
	if !e.exists(b.id) {
		t.Fatal("there is no such bucket on the server")
	}
	state := toPlain(b.state)
	for name, want := range map[string]any{
		"arn": "arn:aws:s3:::" + b.id, "bucket": b.id, "region": "us-east-1", "forceDestroy": false,
		"bucketDomainName": b.id + ".s3.amazonaws.com", "tagsAll": plain{"team": "product-team", "app": "task-api"},
	} {
		if !reflect.DeepEqual(state[name], want) {
			t.Errorf("%s is %v, want %v", name, state[name], want)
		}
	}
	// The same program again: nothing to do, before and after a refresh.
	if d := e.diff(b, inputs); d.HasChanges {
		t.Errorf("unchanged, it differs: %v", d.DetailedDiff)
	}
	read := e.refresh(b)
	if d := e.diff(read, inputs); d.HasChanges || !reflect.DeepEqual(toPlain(read.state), state) {
		t.Errorf("after a refresh it differs: %v\n%v\n%v", d.DetailedDiff, toPlain(read.state), state)
	}
	changed := plain{"tags": plain{"app": "other"}}
	if d := e.diff(b, changed); d.DetailedDiff["tags.app"].Kind != provider.Update {
		t.Errorf("a changed tag shows as %v", d.DetailedDiff)
	}
	if got := toPlain(e.refresh(e.update(b, changed)).state)["tagsAll"].(plain)["app"]; got != "other" {
		t.Errorf("the server has the tag app=%v", got)
	}
	if err := e.delete(b); err != nil {
		t.Fatal(err)
	}
	if e.exists(b.id) {
		t.Error("the bucket is still on the server")
	}
	if err := e.delete(b); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
	if gone := e.refresh(b); gone.id != "" {
		t.Errorf("a refresh still finds it: %v", gone.id)
	}
}

func TestBucketRefusesBadInput(t *testing.T) {
	e := newEngine(t, nil)
	for name, c := range map[string]struct {
		token  string
		inputs plain
		want   []string
	}{
		"misspelt key": {bucketToken, plain{"forceDestory": true}, []string{"forceDestory is not supported", "forceDestroy"}},
		"all at once":  {bucketToken, plain{"a": 1.0, "b": 1.0, "tags": "x"}, []string{"a is not", "b is not", "tags must be a map"}},
		"bad name":     {bucketToken, plain{"bucket": "No_Bucket"}, []string{`bucket "No_Bucket" is not a bucket's name`}},
		"address":      {bucketToken, plain{"bucket": "10.0.0.1"}, []string{"is no IP address"}},
		"inline":       {"aws:s3/bucket:Bucket", plain{"versioning": plain{"enabled": true}}, []string{"versioning is not supported"}},
		"unknown kind": {"aws:ec2/instance:Instance", nil, []string{"aws:ec2/instance:Instance is not supported", bucketToken}},
		"unknown status": {
			"aws:s3/bucketVersioningV2:BucketVersioningV2",
			plain{"bucket": "x", "versioningConfiguration": plain{"status": "On"}}, []string{`"On": allowed are Enabled, Suspended`},
		},
		"missing": {"aws:s3/bucketPolicy:BucketPolicy", plain{}, []string{"bucket is missing", "policy is missing"}},
		"not JSON": {
			"aws:s3/bucketPolicy:BucketPolicy", plain{"bucket": "x", "policy": "{"}, []string{"policy is not valid JSON"},
		},
		"no time": {
			"aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
			plain{"bucket": "x", "rule": plain{"defaultRetention": plain{"mode": "GOVERNANCE"}}}, []string{"either days or years"},
		},
		"path": {
			"aws:iam/role:Role", plain{"assumeRolePolicy": "{}", "path": "x"}, []string{"must begin and end with a slash"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.tryCreate(c.token, "bad", c.inputs)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("want %q, got %v", want, err)
				}
			}
		})
	}
}

func TestImmutableBucketInputsReplace(t *testing.T) {
	e := newEngine(t, nil)
	b := e.create(bucketToken, "b", plain{"bucket": "first"})
	for name, inputs := range map[string]plain{
		"bucket":            {"bucket": "second"},
		"objectLockEnabled": {"bucket": "first", "objectLockEnabled": true},
	} {
		d := e.diff(b, inputs)
		if kind := d.DetailedDiff[name].Kind; kind != provider.UpdateReplace && kind != provider.AddReplace {
			t.Errorf("%s: %v", name, d.DetailedDiff)
		}
		if want := name == "objectLockEnabled"; d.DeleteBeforeReplace != want {
			t.Errorf("%s: delete before replace is %v", name, d.DeleteBeforeReplace)
		}
	}
	if d := e.diff(e.create(bucketToken, "auto", plain{}), plain{"objectLockEnabled": true}); d.DeleteBeforeReplace {
		t.Error("a bucket whose name was chosen is deleted before its replacement is there")
	}
}

func TestInterruptedCreationIsTakenUpAgainButAStrangersBucketIsNot(t *testing.T) {
	e := newEngine(t, nil)
	first := e.create(bucketToken, "b", plain{"bucket": "mine"})
	again := e.create(bucketToken, "b", plain{"bucket": "mine"}) // The state of the first was lost.
	if first.id != again.id {
		t.Errorf("%q, then %q", first.id, again.id)
	}
	if _, err := e.tryCreate(bucketToken, "other", plain{"bucket": "mine"}); err == nil ||
		!strings.Contains(err.Error(), `a bucket "mine" exists already, and this resource did not make it`) {
		t.Errorf("another resource took the bucket: %v", err)
	}
}

func TestBucketWithObjectsIsDeletedOnlyByForce(t *testing.T) {
	e := newEngine(t, nil)
	b := e.create(bucketToken, "b", plain{})
	e.create("aws:s3/bucketVersioningV2:BucketVersioningV2", "v",
		plain{"bucket": b.id, "versioningConfiguration": plain{"status": "Enabled"}})
	e.put(b.id, "one")
	e.put(b.id, "one")
	if _, err := e.s3.DeleteObject(context.Background(),
		&s3.DeleteObjectInput{Bucket: &b.id, Key: awssdk.String("one")}); err != nil {
		t.Fatal(err)
	}
	if err := e.delete(b); err == nil || !strings.Contains(err.Error(), "forceDestroy is not set") {
		t.Fatalf("want a refusal, got %v", err)
	}
	if !e.exists(b.id) {
		t.Fatal("the refused bucket is gone")
	}
	b = e.update(b, plain{"forceDestroy": true})
	if err := e.delete(b); err != nil {
		t.Fatal(err)
	}
	if e.exists(b.id) {
		t.Error("the bucket is still there")
	}
}

func TestLockedObjectsSurviveForce(t *testing.T) {
	e := newEngine(t, nil)
	b := e.create(bucketToken, "b", plain{"objectLockEnabled": true, "forceDestroy": true})
	key, until := "kept", time.Now().Add(10*time.Second)
	if _, err := e.s3.PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &b.id, Key: &key, Body: strings.NewReader("data"),
		ObjectLockMode: types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: &until,
	}); err != nil {
		t.Fatal(err)
	}
	e.put(b.id, "free")
	if err := e.delete(b); err == nil ||
		!strings.Contains(err.Error(), "1 versions were not deleted, the first of them kept") {
		t.Fatalf("want a refusal that names the object, got %v", err)
	}
	time.Sleep(time.Until(until) + time.Second)
	if err := e.delete(b); err != nil {
		t.Fatalf("after its time: %v", err)
	}
}

func TestBucketIsImported(t *testing.T) {
	e := newEngine(t, nil)
	name := "existing"
	if _, err := e.s3.CreateBucket(context.Background(), &s3.CreateBucketInput{
		Bucket: &name, ObjectLockEnabledForBucket: awssdk.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	read := e.refresh(made{urn: urnOf(bucketToken, "b"), id: name, inputs: property.Map{}, state: property.Map{}})
	if d := e.diff(read, plain{"bucket": name, "objectLockEnabled": true}); d.HasChanges {
		t.Errorf("the imported bucket differs: %v", d.DetailedDiff)
	}
}
