package verify

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/internal/contract"
)

// TestADumpThatNobodyTouchedIsReadOnceByWhoeverJudgesAgainAndAgain runs the real command on real files; pg_restore
// alone is a stand-in, which counts how often the dump is read.
func TestADumpThatNobodyTouchedIsReadOnceByWhoeverJudgesAgainAndAgain(t *testing.T) {
	programs, folder := t.TempDir(), t.TempDir()
	file := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	reads, data := filepath.Join(programs, "reads"), filepath.Join(folder, "dump")
	file(
		filepath.Join(programs, "pg_restore"),
		"#!/bin/sh\necho read >> "+reads+"\necho '1; 0 1 TABLE DATA public tasks'\n", 0o755,
	)
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	const good, bad = "a dump", "a bump"
	file(data, good, 0o600)
	file(
		filepath.Join(folder, "manifest.json"),
		fmt.Sprintf(`{"startedAt": "2026-11-22T02:00:06Z", "finishedAt": "2026-11-22T02:00:09Z", "dumpBytes": %d,
		"sha256": "%x", "tables": [{}]}`, len(good), sha256.Sum256([]byte(good))),
		0o600,
	)
	written, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}

	o := outputs()
	s := scene{kubetest.Load(t, "testdata/cluster.yaml"), &o}
	planned(func(p *contract.BackupPlan) {
		p.RPO, p.Dump.File, p.Dump.Manifest = "168h", data, filepath.Join(folder, "manifest.json")
	})(t, s)
	s.World[inDatabase] = func(r *http.Request) any {
		command := r.URL.Query()["command"]
		return kubetest.Command(func(_ io.Reader, out, said io.Writer) int {
			c := exec.Command(command[0], command[1:]...)
			c.Stdout, c.Stderr = out, said
			if c.Run() != nil {
				return 1
			}
			return 0
		})
	}
	s.Set(t, backups, newest+"metadata.uid", "b1")
	cluster, _ := s.Serve(t)
	proven := &Proven{}
	for _, step := range []struct {
		what   string
		before func()
		proven *Proven
		now    time.Time
		want   Verdict
		reads  int // by then
		says   string
	}{
		{"the first look", nil, proven, noon, Pass, 1, ""},
		{"another round", nil, proven, noon.Add(time.Minute), Pass, 1, "; read 2026-11-22T12:00:00Z, and its files have the same inodes, sizes and times since"},
		{"the command line, always", nil, nil, noon.Add(time.Minute), Pass, 2, ""},
		{"changed, as long as before and as old", func() {
			file(data, bad, 0o600)
			if err := os.Chtimes(data, written.ModTime(), written.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, proven, noon.Add(2 * time.Minute), Fail, 3, ""},
		{"what is no proof is read each time", nil, proven, noon.Add(3 * time.Minute), Fail, 4, ""},
		{"mended", func() { file(data, good, 0o600) }, proven, noon.Add(4 * time.Minute), Pass, 5, ""},
		{"and untouched", nil, proven, noon.Add(5 * time.Minute), Pass, 5, "; read 2026-11-22T12:04:00Z"},
		{"another file in its place", func() {
			file(data+".new", good, 0o600)
			if err := os.Rename(data+".new", data); err != nil {
				t.Fatal(err)
			}
		}, proven, noon.Add(6 * time.Minute), Pass, 6, ""},
		{"another backup", func() { s.Set(t, backups, newest+"metadata.uid", "b2") }, proven, noon.Add(7 * time.Minute), Pass, 7, ""},
		{"another pod", func() { s.Set(t, podsOf, "items.2.metadata.uid", "u9") }, proven, noon.Add(8 * time.Minute), Pass, 8, ""},
		{"a day later", nil, proven, noon.Add(25 * time.Hour), Pass, 9, ""},
		{"nothing left", func() { _ = os.Remove(data) }, proven, noon.Add(25 * time.Hour), Fail, 9, ""},
	} {
		if step.before != nil {
			step.before()
		}
		got := Run(t.Context(), &World{Outputs: o, Cluster: cluster, Now: step.now, Proven: step.proven}, []Criterion{dumpInBackup}, o.Names()).Services[0].Criteria[0]
		lines, _ := os.ReadFile(reads)
		if n := bytes.Count(lines, []byte("read")); got.Verdict != step.want || n != step.reads {
			t.Errorf(
				"%s: %s: %s; read %d times, want %s and %d", step.what, got.Verdict, got.Actual, n, step.want,
				step.reads,
			)
		}
		if text := fmt.Sprint(got.Evidence); !strings.Contains(text, step.says) ||
			step.says == "" && strings.Contains(text, "; read ") {
			t.Errorf("%s: the evidence is %s, want %q", step.what, text, step.says)
		}
	}
}
