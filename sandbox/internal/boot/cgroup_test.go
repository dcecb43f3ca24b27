package boot

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPodsWeighAsOnAMachineOfTheirOwn(t *testing.T) {
	for file, want := range map[string]string{"cpu.shares": "4096", "cpu.weight": "157"} {
		branch := t.TempDir()
		path := filepath.Join(branch, file)
		if err := os.WriteFile(path, []byte("1024"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := weighPods(branch, 4); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is %s, want %s (%v)", file, got, want, err)
		}
	}
	branch := t.TempDir() // a tree without the CPU's controller
	if err := weighPods(branch, 4); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(branch); len(files) > 0 {
		t.Errorf("made %v", files)
	}
}
