package stackfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const projectName = "Pulumi.yaml"

// Find returns the stack file of a folder that belongs to an environment. With a stack's name, it is that stack's own;
// without, it must be the only one.
func Find(folder, stack, environment string) (string, error) {
	if stack != "" {
		name := stack[strings.LastIndex(stack, "/")+1:] // organization/project/stack
		return filepath.Join(folder, "Pulumi."+name+".yaml"), nil
	}
	paths, err := filepath.Glob(filepath.Join(folder, "Pulumi.*.yaml"))
	if err != nil {
		return "", err
	}
	slices.Sort(paths)
	var found, broken []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		doc, err := parse(File{path, data})
		if err != nil {
			broken = append(broken, fmt.Sprintf("%s %v", path, err))
		} else if doc.checkEnvironment(environment) == nil {
			found = append(found, path)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf(
			"of the stack files here (%s), %d have opex:environment %s: name the stack's own with --stack-file",
			list(paths, broken), len(found), environment,
		)
	}
	return found[0], nil
}

func list(paths, broken []string) string {
	if len(paths) == 0 {
		return "none: this is no folder of a Pulumi project"
	}
	return strings.Join(append([]string{strings.Join(paths, ", ")}, broken...), "; ")
}

// Read returns a stack file and the project file beside it, which may be missing.
func Read(path string) (stack, project File, err error) {
	stack = File{Path: path}
	project = File{Path: filepath.Join(filepath.Dir(path), projectName)}
	if stack.Data, err = os.ReadFile(path); err != nil {
		return File{}, File{}, fmt.Errorf("stack file: %w", err)
	}
	if project.Data, err = os.ReadFile(project.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return File{}, File{}, fmt.Errorf("project file: %w", err)
	}
	return stack, project, nil
}

// Write puts new content in a file's place at once: whoever reads it sees the old or the new, and a failure leaves the
// old. Its permissions stay, and so does a link to it.
func Write(path string, data []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // fails once it was renamed
	_, err = next.Write(data)
	if err := errors.Join(err, next.Chmod(info.Mode().Perm()), next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
