package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"

	"gopkg.in/yaml.v3"
)

// archive is one packaged chart, as a chart repository serves it.
type archive struct {
	name, version string
	// entry is its entry in the repository's index.
	entry map[string]any
	data  []byte
}

// pack makes the archive that `helm package` would: the files under a folder with the chart's name, and more of them
// under its crds/. A version other than "" replaces the one in Chart.yaml, as projects do that stamp it at release.
func pack(files fs.FS, version string, crds ...fs.FS) (archive, error) {
	raw, err := fs.ReadFile(files, "Chart.yaml")
	if err != nil {
		return archive{}, err
	}
	var chart map[string]any
	if err := yaml.Unmarshal(raw, &chart); err != nil {
		return archive{}, fmt.Errorf("Chart.yaml: %w", err)
	}
	if version != "" {
		chart["version"] = version
		if raw, err = yaml.Marshal(chart); err != nil {
			return archive{}, err
		}
	}
	name, _ := chart["name"].(string)
	version, _ = chart["version"].(string)
	if name == "" || version == "" {
		return archive{}, fmt.Errorf("Chart.yaml has no name or no version")
	}
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	tape := tar.NewWriter(zipped)
	write := func(file string, content []byte) error {
		header := &tar.Header{
			Name:     path.Join(name, file),
			Typeflag: tar.TypeReg,
			Mode:     0o644,
			Size:     int64(len(content)),
		}
		if err := tape.WriteHeader(header); err != nil {
			return err
		}
		_, err := tape.Write(content)
		return err
	}
	writeAll := func(folder string, files fs.FS) error {
		return fs.WalkDir(files, ".", func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || file == "Chart.yaml" {
				return err
			}
			content, err := fs.ReadFile(files, file)
			if err != nil {
				return err
			}
			return write(path.Join(folder, file), content)
		})
	}
	if err := write("Chart.yaml", raw); err != nil {
		return archive{}, err
	}
	if err := writeAll("", files); err != nil {
		return archive{}, err
	}
	for _, folder := range crds {
		if err := writeAll("crds", folder); err != nil {
			return archive{}, err
		}
	}
	if err := tape.Close(); err != nil {
		return archive{}, err
	}
	if err := zipped.Close(); err != nil {
		return archive{}, err
	}
	digest := sha256.Sum256(out.Bytes())
	chart["digest"] = hex.EncodeToString(digest[:])
	chart["urls"] = []string{fmt.Sprintf("%s-%s.tgz", name, version)}
	return archive{name: name, version: version, entry: chart, data: out.Bytes()}, nil
}

func (a archive) file() string { return fmt.Sprintf("%s-%s.tgz", a.name, a.version) }

// index is the index.yaml of a repository with these charts.
func index(charts []archive) ([]byte, error) {
	entries := map[string][]any{}
	for _, c := range charts {
		entries[c.name] = append(entries[c.name], c.entry)
	}
	return yaml.Marshal(map[string]any{"apiVersion": "v1", "entries": entries})
}
