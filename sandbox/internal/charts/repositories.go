package charts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	own "github.com/opex-project/opex/sandbox/charts"
)

// Repository is an official chart repository and what the sandbox serves in its place.
type Repository struct {
	// URL is its official address.
	URL    string
	Charts []Source
}

// Source is where a chart's files come from.
type Source struct {
	// Module and Version name the Go module in which the project publishes its chart; the checksum database vouches for
	// it. Empty for the sandbox's own charts, which stand in for those that lie in no module.
	Module, Version string
	// Folder is the chart's folder in the module, or among the sandbox's own charts.
	Folder string
	// Stamp replaces the version in Chart.yaml, where the project does so at release.
	Stamp string
	// CRDs are folders of modules whose files go under crds/: the sandbox's own charts hold no definitions of a
	// project.
	CRDs []Source
}

// Repositories are the mirrored repositories.
func Repositories() []Repository {
	return []Repository{
		{URL: "https://kubernetes-sigs.github.io/metrics-server/", Charts: []Source{
			{Module: "sigs.k8s.io/metrics-server", Version: "v0.9.0", Folder: "charts/metrics-server"},
		}},
		{URL: "https://kubernetes.github.io/autoscaler/", Charts: []Source{
			{
				Module:  "k8s.io/autoscaler/vertical-pod-autoscaler",
				Version: "v1.8.1",
				Folder:  "charts/vertical-pod-autoscaler",
			},
		}},
		{URL: "https://charts.chaos-mesh.org/", Charts: []Source{
			{
				Module:  "github.com/chaos-mesh/chaos-mesh",
				Version: chaosMeshVersion,
				Folder:  "helm/chaos-mesh",
				Stamp:   "2.8.4",
			},
		}},
		{URL: "https://prometheus-community.github.io/helm-charts/", Charts: []Source{{Folder: "prometheus"}}},
		{URL: "https://opencost.github.io/opencost-helm-chart/", Charts: []Source{{Folder: "opencost"}}},
		{URL: "https://vmware-tanzu.github.io/helm-charts/", Charts: []Source{{Folder: "velero", CRDs: []Source{
			{Module: velero, Version: veleroVersion, Folder: "config/crd/v1/bases"},
			{Module: velero, Version: veleroVersion, Folder: "config/crd/v2alpha1/bases"},
		}}}},
	}
}

// chaosMeshVersion is that of sandbox/kube-1.33/go.mod.
const chaosMeshVersion = "v0.9.1-0.20260902003049-47411975a8cb"

// velero is the module of the definitions, at the version that the sandbox builds Velero's image from.
const velero, veleroVersion = "github.com/vmware-tanzu/velero", "v1.18.3"

func (r Repository) pack() ([]archive, error) {
	var all []archive
	for _, source := range r.Charts {
		files, err := source.files()
		if err != nil {
			return nil, err
		}
		var crds []fs.FS
		for _, folder := range source.CRDs {
			definitions, err := folder.files()
			if err != nil {
				return nil, err
			}
			crds = append(crds, definitions)
		}
		packed, err := pack(files, source.Stamp, crds...)
		if err != nil {
			return nil, fmt.Errorf("chart %s of %s: %w", source.Folder, r.URL, err)
		}
		all = append(all, packed)
	}
	return all, nil
}

// files are the files of the folder.
func (s Source) files() (fs.FS, error) {
	if s.Module == "" {
		return fs.Sub(own.Files, s.Folder)
	}
	dir, err := s.download()
	return os.DirFS(filepath.Join(dir, s.Folder)), err
}

// download returns the folder of the module in the module cache.
func (s Source) download() (string, error) {
	command := exec.Command("go", "mod", "download", "-json", s.Module+"@"+s.Version)
	command.Dir = "/" // outside any module
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	var module struct{ Dir, Error string }
	if parseErr := json.Unmarshal(out, &module); parseErr != nil || module.Error != "" || err != nil {
		return "", fmt.Errorf("download %s@%s: %v %s %s", s.Module, s.Version, err, module.Error, said.String())
	}
	return module.Dir, nil
}
