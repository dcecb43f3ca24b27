package aws

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	provider "github.com/pulumi/pulumi-go-provider"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// startStore starts the sandbox's S3 server in a folder of its own and returns its URL.
func startStore(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs an S3 server")
	}
	binary := "../../../.sandbox/bin/versitygw"
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("the S3 server is not built: run `make build` first: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	data, versions := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "versions")
	for _, dir := range []string{data, versions} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	server := exec.Command(binary, "--port", address, "--quiet", "posix", "--versioning-dir", versions, data)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY=tester", "ROOT_SECRET_KEY=testersecret")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return "http://" + address
		}
		if time.Now().After(end) {
			t.Fatalf("the S3 server does not listen on %s", address)
		}
	}
}

// engine plays the Pulumi engine: it calls the provider as `pulumi up` would, and keeps the state.
type engine struct {
	t  *testing.T
	p  provider.Provider
	s3 *s3.Client
}

func newEngine(t *testing.T, config plain) engine {
	t.Helper()
	inputs := plain{
		"region": "us-east-1", "accessKey": "tester", "secretKey": "testersecret", "s3UsePathStyle": true,
		"endpoints": []any{plain{"s3": startStore(t)}},
	}
	for name, x := range config {
		inputs[name] = x
	}
	e := engine{t: t, p: Provider()}
	checked, err := e.p.CheckConfig(context.Background(), provider.CheckRequest{Inputs: fromPlain(inputs)})
	if err != nil || len(checked.Failures) > 0 {
		t.Fatalf("config: %v, %v", err, checked.Failures)
	}
	if err := e.p.Configure(context.Background(), provider.ConfigureRequest{Args: checked.Inputs}); err != nil {
		t.Fatal(err)
	}
	c, err := newConfig(checked.Inputs)
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := newCloud(c)
	if err != nil {
		t.Fatal(err)
	}
	e.s3 = cloud.s3
	return e
}

// made is a resource that is in the state.
type made struct {
	urn           sdk.URN
	id            string
	inputs, state property.Map
}

func urnOf(token, name string) sdk.URN {
	return sdk.URN(fmt.Sprintf("urn:pulumi:dev::test::%s::%s", token, name))
}

func (e engine) check(urn sdk.URN, inputs plain, old property.Map) (property.Map, error) {
	got, err := e.p.Check(context.Background(), provider.CheckRequest{Urn: urn, Inputs: fromPlain(inputs), State: old})
	if err == nil && len(got.Failures) > 0 {
		var lines []string
		for _, f := range got.Failures {
			lines = append(lines, f.Property+" "+f.Reason)
		}
		err = fmt.Errorf("%s", strings.Join(lines, "\n"))
	}
	return got.Inputs, err
}

func (e engine) tryCreate(token, name string, inputs plain) (made, error) {
	m := made{urn: urnOf(token, name)}
	var err error
	if m.inputs, err = e.check(m.urn, inputs, property.Map{}); err != nil {
		return m, err
	}
	got, err := e.p.Create(context.Background(), provider.CreateRequest{Urn: m.urn, Properties: m.inputs})
	m.id, m.state = got.ID, got.Properties
	return m, err
}

func (e engine) create(token, name string, inputs plain) made {
	e.t.Helper()
	m, err := e.tryCreate(token, name, inputs)
	if err != nil {
		e.t.Fatal(err)
	}
	return m
}

// diff compares the resource with the inputs that a program now gives.
func (e engine) diff(m made, inputs plain) provider.DiffResponse {
	e.t.Helper()
	checked, err := e.check(m.urn, inputs, m.inputs)
	if err != nil {
		e.t.Fatal(err)
	}
	got, err := e.p.Diff(context.Background(),
		provider.DiffRequest{ID: m.id, Urn: m.urn, State: m.state, OldInputs: m.inputs, Inputs: checked})
	if err != nil {
		e.t.Fatal(err)
	}
	return got
}

func (e engine) update(m made, inputs plain) made {
	e.t.Helper()
	checked, err := e.check(m.urn, inputs, m.inputs)
	if err != nil {
		e.t.Fatal(err)
	}
	got, err := e.p.Update(context.Background(),
		provider.UpdateRequest{ID: m.id, Urn: m.urn, State: m.state, OldInputs: m.inputs, Inputs: checked})
	if err != nil {
		e.t.Fatal(err)
	}
	m.inputs, m.state = checked, got.Properties
	return m
}

// refresh reads the resource; an empty id means that it is gone.
func (e engine) refresh(m made) made {
	e.t.Helper()
	got, err := e.p.Read(context.Background(),
		provider.ReadRequest{ID: m.id, Urn: m.urn, Properties: m.state, Inputs: m.inputs})
	if err != nil {
		e.t.Fatal(err)
	}
	return made{urn: m.urn, id: got.ID, inputs: got.Inputs, state: got.Properties}
}

func (e engine) delete(m made) error {
	return e.p.Delete(context.Background(), provider.DeleteRequest{ID: m.id, Urn: m.urn, Properties: m.state})
}
