package existing

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

// built returns a sandbox's layout with small files in place of the programs, and its images.
func built(t *testing.T) layout.Sandbox {
	t.Helper()
	s := layout.Sandbox{Repo: t.TempDir()}
	for _, i := range image.Own() {
		for _, file := range i.Files {
			if err := os.MkdirAll(filepath.Dir(s.Bin(file)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.Bin(file), []byte(file), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := image.Build(t.Context(), s, i); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestPushedImagesCanBePulledByTheirNewNames(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	if err := CheckRegistry(address + "/acme/"); err != nil {
		t.Fatal(err)
	}
	names, err := Push(t.Context(), built(t), address+"/acme/")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(image.Own()) {
		t.Errorf("%d names for %d images", len(names), len(image.Own()))
	}
	for before, after := range names {
		if !strings.HasPrefix(after, address+"/acme/") || !strings.Contains(after, "@sha256:") {
			t.Errorf("%s became %s", before, after)
		}
		reference, err := name.ParseReference(after)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Image(reference); err != nil {
			t.Errorf("%s: %v", after, err)
		}
	}
}

func TestARegistryThatRefusesIsNamed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"errors":[{"code":"DENIED","message":"no write access"}]}`, http.StatusForbidden)
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for registry, words := range map[string][]string{
		address + "/acme":  {"push to " + address + "/acme/", "docker login " + address},
		"Not A Registry":   {`registry "Not A Registry"`},
		"127.0.0.1:1/acme": {"connection refused"},
	} {
		err := CheckRegistry(registry)
		if err == nil {
			t.Fatalf("%s was accepted", registry)
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not say %q", err, word)
			}
		}
	}
}
