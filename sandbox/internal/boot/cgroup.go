package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchies are the folders of the mounted cgroup trees: one with cgroup v2, one for each controller with v1, where a
// hybrid host has a v2 tree without controllers beside them.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() {
			all = append(all, filepath.Join(cgroupRoot, e.Name()))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no cgroups are mounted on %s", cgroupRoot)
	}
	return all, nil
}

// joinCgroup makes the sandbox's cgroups and moves this process, and so all that it starts, into their branch `system`.
func joinCgroup(s layout.Sandbox) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	for _, tree := range trees {
		top := filepath.Join(tree, s.Name())
		branches := []string{top, filepath.Join(top, "system")}
		for i := range s.Nodes {
			branches = append(branches, filepath.Join(top, s.NodeName(i)))
		}
		for _, branch := range branches {
			if err := os.Mkdir(branch, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("cgroup: %w", err)
			}
			if err := inherit(branch); err != nil {
				return fmt.Errorf("cgroup: %w", err)
			}
		}
		for i := range s.Nodes {
			if err := weighPods(filepath.Join(top, s.NodeName(i)), runtime.NumCPU()); err != nil {
				return fmt.Errorf("cgroup: %w", err)
			}
		}
		if name := filepath.Base(tree); name == "cpuset" || name == "unified" {
			continue // only a place for the pods' branches
		}
		procs := filepath.Join(top, "system", "cgroup.procs")
		if err := os.WriteFile(procs, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
	}
	return nil
}

// weighPods gives a node's pods the share of the CPU that they have on a machine of their own, where their cgroup weighs
// 1024 for each core and stands beside the system's, which weighs 1024.
func weighPods(branch string, cores int) error {
	shares := 1024 * cores
	for file, value := range map[string]int{
		"cpu.shares": shares,
		"cpu.weight": 1 + (shares-2)*9999/262142, // as runc converts shares
	} {
		path := filepath.Join(branch, file)
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the other version of cgroups, or another controller
		}
		if err == nil {
			err = os.WriteFile(path, []byte(strconv.Itoa(value)), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inherit makes a new branch usable: with v1 a CPU set starts empty, with v2 controllers must be passed on by the
// parent.
func inherit(branch string) error {
	parent := filepath.Dir(branch)
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		own := filepath.Join(branch, file)
		current, err := os.ReadFile(own)
		if err != nil || strings.TrimSpace(string(current)) != "" || filepath.Base(parent) == "cgroup" {
			continue
		}
		value, err := os.ReadFile(filepath.Join(parent, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(own, value, 0o644); err != nil {
			return err
		}
	}
	controllers, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // v1
	}
	if err != nil {
		return err
	}
	wanted := []string{"cpuset", "cpu", "io", "memory", "hugetlb", "pids"}
	for _, controller := range strings.Fields(string(controllers)) { // none in a hybrid host's v2 tree
		if slices.Contains(wanted, controller) {
			if err := os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCgroups removes what a sandbox that has ended left in the cgroup trees. A dying process leaves its cgroup after
// it has given up its mounts, so no cgroup left means that all volumes are written out and free. A busy disk needs its
// time for that.
func removeCgroups(s layout.Sandbox) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var problems []error
		for _, tree := range trees {
			problems = append(problems, removeTree(filepath.Join(tree, s.Name())))
		}
		err := errors.Join(problems...)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func removeTree(top string) error {
	var folders []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	for i := len(folders) - 1; i >= 0; i-- { // children first
		if removeErr := os.Remove(folders[i]); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			return removeErr
		}
	}
	return err
}
