package aws

import (
	"context"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/opex-project/opex/sandbox/plugins/wire"
)

// connect is the provider on the wire, configured for a store of its own.
func connect(t *testing.T) pulumirpc.ResourceProviderServer {
	t.Helper()
	w, err := wire.New(nil, "aws", Version, Provider())
	if err != nil {
		t.Fatal(err)
	}
	args, err := structpb.NewStruct(map[string]any{
		"region": "us-east-1", "accessKey": "tester", "secretKey": "testersecret", "s3UsePathStyle": true,
		"endpoints": []any{map[string]any{"s3": startStore(t)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Configure(context.Background(), &pulumirpc.ConfigureRequest{Args: args, AcceptSecrets: true}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestEngineIsToldThatAResourceIsGone(t *testing.T) {
	got, err := connect(t).Read(context.Background(),
		&pulumirpc.ReadRequest{Id: "nowhere", Urn: string(urnOf(bucketToken, "b"))})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetId() != "" || got.GetProperties() != nil || got.GetInputs() != nil {
		t.Errorf("a bucket that is not there reads as %v", got)
	}
}

func TestSameSeedChoosesTheSameName(t *testing.T) {
	w := connect(t)
	name := func(seed string) string {
		got, err := w.Check(context.Background(), &pulumirpc.CheckRequest{
			Urn: string(urnOf(bucketToken, "b")), News: &structpb.Struct{}, RandomSeed: []byte(seed),
		})
		if err != nil {
			t.Fatal(err)
		}
		return got.GetInputs().GetFields()["bucket"].GetStringValue()
	}
	if a, b := name("one"), name("one"); a != b {
		t.Errorf("a preview says %s, the update makes %s", a, b)
	}
	if name("one") == name("two") {
		t.Error("a replacement gets the name of what it replaces")
	}
}
