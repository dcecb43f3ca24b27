package manifests

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// skipped are folders that hold no manifests of their own.
var skipped = []string{".git", "node_modules", ".terraform", "vendor", ".venv"}

// kustomizations are the names of files that say that the files beside them are not what is deployed.
var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// Folder is what of a folder can be reviewed as it is.
type Folder struct {
	Files []string
	// Rendered are the lines that say what has to be rendered first, and by which command.
	Rendered []string
	Wrong    []error // what could not be looked at
}

// Walk finds the files of YAML and JSON in a folder and below it. It leaves out charts and kustomizations, which are
// not what is deployed, and what is no file. It does not follow links to folders.
func Walk(root string) Folder {
	var f Folder
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			f.Wrong = append(f.Wrong, err)
			return nil
		case d.IsDir() && slices.Contains(skipped, d.Name()) && at != root:
			return fs.SkipDir
		case d.IsDir():
			return f.folder(at)
		case slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(at)):
			f.file(at, d)
		}
		return nil
	})
	if err != nil {
		f.Wrong = append(f.Wrong, err)
	}
	if len(f.Files) == 0 && len(f.Rendered) == 0 && len(f.Wrong) == 0 {
		f.Wrong = append(f.Wrong, fmt.Errorf("%s: holds no .yaml, .yml or .json file", root))
	}
	return f
}

func (f *Folder) folder(at string) error {
	if exists(filepath.Join(at, "Chart.yaml")) {
		f.Rendered = append(
			f.Rendered, fmt.Sprintf("%s: a chart is not what is deployed: helm template %s | opex review -", at, at),
		)
		return fs.SkipDir
	}
	for _, name := range kustomizations {
		if exists(filepath.Join(at, name)) {
			f.Rendered = append(
				f.Rendered,
				fmt.Sprintf(
					"%s: a kustomization is not what is deployed: kubectl kustomize %s | opex review -", at, at,
				),
			)
			return fs.SkipDir
		}
	}
	return nil
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (f *Folder) file(at string, d fs.DirEntry) {
	info, err := os.Stat(at) // of what a link leads to
	switch {
	case err != nil:
		f.Wrong = append(f.Wrong, err)
	case info.IsDir():
		f.Rendered = append(f.Rendered, fmt.Sprintf("%s: is a link to a folder, which is not followed", at))
	case !info.Mode().IsRegular():
		f.Wrong = append(f.Wrong, fmt.Errorf("%s: is no file", at))
	default:
		f.Files = append(f.Files, at)
	}
}

// Open reads a file that was named. What is no file is refused: a FIFO would be waited for.
func Open(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	// a shell's <(command) is one of these
	if !info.Mode().IsRegular() && !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/proc/") {
		return nil, errors.New(path + ": is no file")
	}
	return os.ReadFile(path)
}
