// Package image makes container images without a container engine: a layer of files, a little configuration, one
// archive that containerd imports under the names that charts and manifests ask for.
package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/node"
)

// Image is one image of the sandbox.
type Image struct {
	// Name is its archive's name in the images folder.
	Name string
	// References are the names it is asked for by.
	References []string
	// Layer writes its file system as a tar archive; what it writes depends only on its inputs.
	Layer func(ctx context.Context, s layout.Sandbox, out io.Writer) error
	// Files are the built programs in it, and Recipe is whatever else it is made from; a change of either makes it
	// anew.
	Files  []string
	Recipe string
	// Config is how it runs.
	Config v1.Config
}

// NonRoot is the user of images whose program needs no user of its own, as in the distroless images.
const NonRoot = "65532:65532"

// Images of engines whose version in the sandbox is another than the program's; the stack's overlay names them.
const (
	// OpenCost is the newest OpenCost whose modules can all be had.
	OpenCost = "ghcr.io/opencost/opencost:1.108.0"
	// Prometheus is the one that metrics-server is built with: github.com/prometheus/prometheus v0.313.0 is version
	// 3.13.0.
	Prometheus = "quay.io/prometheus/prometheus:v3.13.0"
)

// Images of this repository; they are on no registry. Store is the S3 server versitygw, built here from its module.
const (
	TaskAPI = "ghcr.io/opex-project/task-api:0.1.0"
	Load    = "ghcr.io/opex-project/opex-load:0.1.0"
	Opex    = "ghcr.io/opex-project/opex:0.1.0"
	Store   = "ghcr.io/opex-project/versitygw:1.8.0"
)

// Own returns the images of this repository.
func Own() []Image {
	return []Image{
		program("taskapi", TaskAPI, NonRoot), program("opex-load", Load, NonRoot), program("opex", Opex, NonRoot),
		program("versitygw", Store, NonRoot),
	}
}

// chaosMeshVersion is the release of the chart that the program installs. The module is of its branch, two weeks
// younger.
const chaosMeshVersion = "v2.8.4"

// Images returns every image that the sandbox runs.
func Images() []Image {
	return append(Own(),
		program("pause", node.PauseImage, "65535:65535"),
		program("coredns", "registry.k8s.io/coredns/coredns:v1.15.0", NonRoot),
		program("recommender", "registry.k8s.io/autoscaling/vpa-recommender:1.8.1", NonRoot),
		program("metrics-server", "registry.k8s.io/metrics-server/metrics-server:v0.9.0", NonRoot),
		program("costmodel", OpenCost, "1001:1001"),
		program("prometheus", Prometheus, "65534:65534"),
		velero(),
		veleroPlugin(),
		chaosMesh(),
		chaosDaemon(),
		Postgres(),
	)
}

// chaosMesh is Chaos Mesh's controller.
func chaosMesh() Image {
	return programs("chaos-mesh", "ghcr.io/chaos-mesh/chaos-mesh:"+chaosMeshVersion, NonRoot, nil, map[string]string{
		"usr/local/bin/chaos-controller-manager": "chaos-controller-manager",
	})
}

// chaosDaemon is what Chaos Mesh runs on each node, as root.
func chaosDaemon() Image {
	return programs("chaos-daemon", "ghcr.io/chaos-mesh/chaos-daemon:"+chaosMeshVersion, "0:0", nil, map[string]string{
		"usr/local/bin/chaos-daemon": "chaos-daemon", "usr/local/bin/cdh": "chaos-daemon-helper",
	})
}

// velero holds the server and what it asks for by path: the helper of a restored pod's init container is in the same
// image.
func velero() Image {
	return programs("velero", "docker.io/velero/velero:v1.18.3", NonRoot, nil, map[string]string{
		"velero": "velero", "velero-helper": "velero-helper", "velero-restore-helper": "velero-restore-helper",
	})
}

// veleroPlugin copies the plugin to where the server looks for it, as the init container that it is.
func veleroPlugin() Image {
	return programs(
		"velero-plugin-for-aws",
		"docker.io/velero/velero-plugin-for-aws:v1.14.3",
		NonRoot,
		[]string{
			"/bin/cp-plugin", "/plugins/velero-plugin-for-aws", "/target/velero-plugin-for-aws",
		},
		map[string]string{
			"plugins/velero-plugin-for-aws": "velero-plugin-for-aws", "bin/cp-plugin": "cp-plugin",
		},
	)
}

// program is an image of one static program and the user that it runs as.
func program(file, reference, user string) Image {
	return programs(file, reference, user, []string{"/" + file}, map[string]string{file: file})
}

// programs is an image of static programs: what was built, by the path in the image.
func programs(title, reference, user string, entrypoint []string, files map[string]string) Image {
	return Image{
		Name: title, References: []string{reference}, Config: v1.Config{Entrypoint: entrypoint, User: user},
		Files:  slices.Sorted(maps.Values(files)),
		Recipe: strings.Join(slices.Sorted(maps.Keys(files)), " "),
		Layer: func(_ context.Context, s layout.Sandbox, out io.Writer) error {
			archive := tar.NewWriter(out)
			for _, folder := range []string{"etc/", "tmp/"} {
				if err := archive.WriteHeader(&tar.Header{Name: folder, Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
					return err
				}
			}
			users := "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
			if err := writeFile(archive, "etc/passwd", 0o644, []byte(users)); err != nil {
				return err
			}
			for _, file := range slices.Sorted(maps.Keys(files)) {
				content, err := os.ReadFile(s.Bin(files[file]))
				if err != nil {
					return err
				}
				if err := writeFile(archive, file, 0o755, content); err != nil {
					return err
				}
			}
			return archive.Close()
		},
	}
}

// Build makes the image's archive.
func Build(ctx context.Context, s layout.Sandbox, i Image) error {
	target := Archive(s, i)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	rootfs := target + ".layer"
	defer os.Remove(rootfs)
	file, err := os.Create(rootfs)
	if err != nil {
		return err
	}
	if err := i.Layer(ctx, s, file); err != nil {
		file.Close()
		return fmt.Errorf("image %s: %w", i.Name, err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	layer, err := tarball.LayerFromFile(rootfs)
	if err != nil {
		return fmt.Errorf("image %s: %w", i.Name, err)
	}
	whole, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	config, err := whole.ConfigFile()
	if err != nil {
		return err
	}
	config.Architecture, config.OS, config.Config = runtime.GOARCH, "linux", i.Config
	if whole, err = mutate.ConfigFile(whole, config); err != nil {
		return err
	}
	images := map[name.Tag]v1.Image{}
	for _, reference := range i.References {
		tag, err := name.NewTag(reference, name.StrictValidation)
		if err != nil {
			return fmt.Errorf("image %s: %w", i.Name, err)
		}
		images[tag] = whole
	}
	if err := tarball.MultiWriteToFile(target+".new", images); err != nil {
		return fmt.Errorf("image %s: %w", i.Name, err)
	}
	if err := os.Rename(target+".new", target); err != nil {
		return err
	}
	digest, err := digestOf(s, i)
	if err != nil {
		return err
	}
	return os.WriteFile(digestPath(s, i), []byte(digest), 0o644)
}

// Archive is the path of an image's archive.
func Archive(s layout.Sandbox, i Image) string { return s.Shared("images", i.Name+".tar") }

// UpToDate says whether the image's archive was made from its inputs as they are now.
func UpToDate(s layout.Sandbox, i Image) bool {
	if _, err := os.Stat(Archive(s, i)); err != nil {
		return false
	}
	now, err := digestOf(s, i)
	made, readErr := os.ReadFile(digestPath(s, i))
	return err == nil && readErr == nil && now == string(made)
}

// Version changes whenever the image does.
func Version(s layout.Sandbox, i Image) (string, error) {
	version, err := os.ReadFile(digestPath(s, i))
	return string(version), err
}

// digestOf covers the image's configuration and the content of its inputs; their times change at every build.
func digestOf(s layout.Sandbox, i Image) (string, error) {
	digest := sha256.New()
	fmt.Fprintf(digest, "%v %+v %s\n", i.References, i.Config, i.Recipe)
	for _, file := range i.Files {
		content, err := os.Open(s.Bin(file))
		if err != nil {
			return "", err
		}
		_, err = io.Copy(digest, content)
		content.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

func digestPath(s layout.Sandbox, i Image) string { return Archive(s, i) + ".digest" }

func writeFile(archive *tar.Writer, file string, mode int64, content []byte) error {
	header := &tar.Header{Name: path.Clean(file), Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(content))}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(archive, bytes.NewReader(content))
	return err
}
