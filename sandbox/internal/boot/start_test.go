package boot

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// TestRunningAsksTheLockAndNotTheFile: after a kill the file still holds an id, which may be somebody else's by now.
func TestRunningAsksTheLockAndNotTheFile(t *testing.T) {
	s, err := layout.New(t.TempDir(), "staging", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when string, wantPID int, want bool) {
		t.Helper()
		pid, running, err := Running(s)
		if err != nil || running != want || pid != wantPID {
			t.Errorf("%s: process %d, running %v, %v", when, pid, running, err)
		}
	}
	expect("never started", 0, false)
	if err := os.MkdirAll(s.State(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lockPath(s), []byte("4711"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("killed", 0, false)
	holder, err := os.Open(lockPath(s))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(holder.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	expect("running", 4711, true)
	if err := Start(s, "/bin/true"); err != ErrRunning {
		t.Errorf("started a second time: %v", err)
	}
	holder.Close()
	expect("ended", 0, false)
}
