package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestOnlyLocksOfDeadProcessesOfThisHostAreDead(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	lock := func(pid int, host string) string { return fmt.Sprintf(`{"pid": %d, "hostname": %q}`, pid, host) }
	for name, c := range map[string]struct {
		locks   []string
		dead    bool
		refused bool
	}{
		"no lock":                {},
		"dead":                   {locks: []string{lock(ended.Process.Pid, host)}, dead: true},
		"alive":                  {locks: []string{lock(os.Getpid(), host)}, refused: true},
		"on another host":        {locks: []string{lock(ended.Process.Pid, host+"-other")}, refused: true},
		"one dead and one alive": {locks: []string{lock(ended.Process.Pid, host), lock(os.Getpid(), host)}, refused: true},
		"half written":           {locks: []string{`{"pid": 1`}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "locks", "organization", "opex", "staging")
			for i, content := range c.locks {
				if err := os.MkdirAll(folder, 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(folder, fmt.Sprintf("%d.json", i)), content)
			}
			dead, err := deadLocks(filepath.Dir(filepath.Dir(filepath.Dir(folder))))
			if (err != nil) != c.refused || (!c.refused && dead != c.dead) {
				t.Errorf("dead %v, error %v", dead, err)
			}
		})
	}
}
