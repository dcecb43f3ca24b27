package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/mod/modfile"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// newSandbox is a sandbox in a folder of its own, with one built program.
func newSandbox(t *testing.T) layout.Sandbox {
	t.Helper()
	s, err := layout.New(t.TempDir(), "staging", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.Bin(""), 0o755); err != nil {
		t.Fatal(err)
	}
	writeBin(t, s, "one")
	return s
}

func writeBin(t *testing.T, s layout.Sandbox, content string) {
	t.Helper()
	if err := os.WriteFile(s.Bin("server"), []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

const reference = "registry.example/team/server:v1.2.3"

// read returns the image of an archive under its reference.
func read(t *testing.T, s layout.Sandbox, i Image) v1.Image {
	t.Helper()
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(Archive(s, i), &tag)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestImageOfAProgramRunsItAsItsUser(t *testing.T) {
	s, i := newSandbox(t), program("server", reference, "1001:1001")
	if err := Build(t.Context(), s, i); err != nil {
		t.Fatal(err)
	}
	image := read(t, s, i)
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Config.User != "1001:1001" ||
		strings.Join(config.Config.Entrypoint, " ") != "/server" {
		t.Errorf("%+v", config)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for files := tar.NewReader(content); ; {
		header, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Name == "server" {
			data, err := io.ReadAll(files)
			found = err == nil && string(data) == "one" && header.Mode == 0o755
		}
	}
	if !found {
		t.Error("the program is not in the layer, or cannot be run")
	}
}

func TestImageIsMadeAnewWhenItsProgramOrItsConfigurationChanges(t *testing.T) {
	s, i := newSandbox(t), program("server", reference, NonRoot)
	if UpToDate(s, i) {
		t.Error("an image that was never made is called up to date")
	}
	if err := Build(t.Context(), s, i); err != nil {
		t.Fatal(err)
	}
	if !UpToDate(s, i) {
		t.Error("a new image is called out of date")
	}
	if UpToDate(s, program("server", reference, "1:1")) {
		t.Error("another user makes no new image")
	}
	writeBin(t, s, "two")
	if UpToDate(s, i) {
		t.Error("another program makes no new image")
	}
}

func TestImageThatFailsNamesItselfAndLeavesNoArchive(t *testing.T) {
	s := newSandbox(t)
	broken := program("server", reference, NonRoot)
	broken.Layer = func(context.Context, layout.Sandbox, io.Writer) error { return errors.New("no disk") }
	err := Build(t.Context(), s, broken)
	if err == nil || !strings.Contains(err.Error(), "image server: no disk") {
		t.Errorf("%v", err)
	}
	left, _ := filepath.Glob(Archive(s, broken) + "*")
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The kubelet refuses to run a pod with runAsNonRoot whose image has a user by name. Chaos Mesh's daemon enters other
// pods, as root.
func TestNoImageButTheDaemonsRunsAsRootAndNoneAsAUserByName(t *testing.T) {
	for _, i := range Images() {
		user, _, _ := strings.Cut(i.Config.User, ":")
		if id, err := strconv.Atoi(user); err != nil || (id == 0) != (i.Name == "chaos-daemon") {
			t.Errorf("image %s runs as %q", i.Name, i.Config.User)
		}
	}
}

func TestTagsAreTheVersionsThatAreBuilt(t *testing.T) {
	for program, c := range map[string]struct{ module, path string }{
		"coredns":        {"../../go.mod", "github.com/coredns/coredns"},
		"recommender":    {"../../go.mod", "k8s.io/autoscaler/vertical-pod-autoscaler"},
		"metrics-server": {"../../go.mod", "sigs.k8s.io/metrics-server"},
		"costmodel":      {"../../kube-1.33/go.mod", "github.com/opencost/opencost"},
	} {
		data, err := os.ReadFile(c.module)
		if err != nil {
			t.Fatal(err)
		}
		module, err := modfile.Parse(c.module, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		built := ""
		for _, require := range module.Require {
			if require.Mod.Path == c.path {
				built = strings.TrimPrefix(require.Mod.Version, "v")
			}
		}
		at := slices.IndexFunc(Images(), func(i Image) bool { return i.Name == program })
		if at < 0 {
			t.Fatalf("there is no image %s", program)
		}
		_, tag, _ := strings.Cut(Images()[at].References[0], ":")
		if strings.TrimPrefix(tag, "v") != built {
			t.Errorf("image %s is built at %q and says %q", program, built, tag)
		}
	}
}
