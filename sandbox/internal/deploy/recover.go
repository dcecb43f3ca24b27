package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// takeOver lets the Kubernetes provider adopt what a dead engine created without noting it: see docs/decisions/0006.
// Each resource has a field manager of its own, and the dead engine's is unknown, so its fields are taken by force. The
// provider that the sandbox builds adopts anyway; one of v4.29 or later must be told.
var takeOver = []string{"PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true", "PULUMI_K8S_ENABLE_PATCH_FORCE=true"}

// wasInterrupted removes the lock of an engine that is dead, and says whether there was one, or operations that an
// engine had begun and not noted the end of.
func wasInterrupted(ctx context.Context, t Target) (bool, error) {
	dead, err := deadLocks(t.State("pulumi", ".pulumi", "locks"))
	if err != nil {
		return false, err
	}
	if dead {
		if _, err := Pulumi(ctx, t, "", "cancel", "--yes"); err != nil {
			return false, err
		}
	}
	data, err := Pulumi(ctx, t, "", "stack", "export")
	if err != nil {
		return false, err
	}
	var state struct {
		Deployment struct {
			Pending []any `json:"pending_operations"`
		} `json:"deployment"`
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return false, fmt.Errorf("pulumi stack export: %w", err)
	}
	return dead || len(state.Deployment.Pending) > 0, nil
}

// deadLocks says whether the stack is locked by processes of this host that are gone, and by no other.
func deadLocks(folder string) (bool, error) {
	dead := false
	host, err := os.Hostname()
	if err != nil {
		return false, err
	}
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var lock struct {
			Pid      int    `json:"pid"`
			Hostname string `json:"hostname"`
		}
		if err := json.Unmarshal(data, &lock); err != nil {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		if lock.Hostname != host || !errors.Is(syscall.Kill(lock.Pid, 0), syscall.ESRCH) {
			return fmt.Errorf(
				"the stack is being updated by process %d on %s; wait until it has ended, or end it", lock.Pid,
				lock.Hostname,
			)
		}
		dead = true
		return nil
	})
	return dead, err
}
