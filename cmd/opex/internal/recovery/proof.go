package recovery

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// manifest is what the dump's hook wrote beside the dump.
type manifest struct {
	StartedAt     time.Time `json:"startedAt"`
	FinishedAt    time.Time `json:"finishedAt"`
	DatabaseBytes int64     `json:"databaseBytes"`
	DumpBytes     int64     `json:"dumpBytes"`
	Tables        []content `json:"tables"`
}

// content is one table: its rows, and a checksum of them that does not depend on their order.
type content struct {
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"`
}

// loaded is what was found in the restored database.
type loaded struct {
	manifest manifest
	tables   []content
	at       time.Time // when the load was done
	since    time.Time // when the database could begin to load
}

// inspect reads the manifest that came back, and counts the tables of the restored database as its dump did.
func (r *run) inspect(ctx context.Context, pods []corev1.Pod) (loaded, error) {
	s, found := r.site, loaded{}
	databases := matching(pods, s.Service.Database.Selector)
	if len(databases) != 1 {
		return found, fmt.Errorf("the restored database has %d pods; want 1", len(databases))
	}
	pod := databases[0]
	exec := func(command ...string) ([]byte, error) {
		out, _, err := s.Cluster.Exec(ctx, r.target, pod.Name, s.Service.Database.Container, command, nil)
		return out, err
	}
	text, err := exec("cat", s.Plan.Dump.Manifest)
	if err != nil {
		return found, err
	}
	if err := json.Unmarshal(text, &found.manifest); err != nil {
		return found, fmt.Errorf("the manifest of the restored dump is no JSON: %w", err)
	}
	// The mark's file says when the load was done, and the server when it could begin.
	text, err = exec(
		"bash",
		"-c",
		fmt.Sprintf(
			`. %s/connect.sh; stat --format=%%.Y %q; query --command="SELECT extract(epoch FROM pg_postmaster_start_time())"`,
			s.hooks(), path.Join(path.Dir(s.Plan.Dump.Manifest), "loaded"),
		),
	)
	if err != nil {
		return found, fmt.Errorf("the dump was not loaded: %w", err)
	}
	if found.at, found.since, err = twoTimes(string(text)); err != nil {
		return found, fmt.Errorf("time of the load: %w", err)
	}
	text, err = exec("bash", "-c", fmt.Sprintf(". %[1]s/connect.sh; query --file=%[1]s/tables.sql", s.hooks()))
	if err != nil {
		return found, err
	}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var c content
		if err := decoder.Decode(&c); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return found, fmt.Errorf("tables of the restored database: %w", err)
		}
		found.tables = append(found.tables, c)
	}
}

// twoTimes reads two lines of seconds since 1970.
func twoTimes(text string) (first, second time.Time, err error) {
	var seconds [2]float64
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return first, second, fmt.Errorf("want two times, got %q", text)
	}
	for i, field := range fields {
		if seconds[i], err = strconv.ParseFloat(field, 64); err != nil {
			return first, second, err
		}
	}
	return time.UnixMilli(int64(seconds[0] * 1000)), time.UnixMilli(int64(seconds[1] * 1000)), nil
}

// compare holds the restored tables against those of the dump, sorted by name.
func compare(dumped, restored []content) []evidence.Table {
	var tables []evidence.Table
	for _, d := range dumped {
		t := evidence.Table{Name: d.Table, Rows: d.Rows, Checksum: d.Checksum}
		if i := slices.IndexFunc(restored, func(c content) bool { return c.Table == d.Table }); i >= 0 {
			t.RestoredRows, t.RestoredChecksum = restored[i].Rows, restored[i].Checksum
			t.Equal = restored[i] == d
		}
		tables = append(tables, t)
	}
	for _, c := range restored {
		if !slices.ContainsFunc(dumped, func(d content) bool { return d.Table == c.Table }) {
			tables = append(
				tables, evidence.Table{Name: c.Table, RestoredRows: c.Rows, RestoredChecksum: c.Checksum, Extra: true},
			)
		}
	}
	slices.SortFunc(tables, func(a, b evidence.Table) int { return cmp.Compare(a.Name, b.Name) })
	return tables
}

// unequal says which tables are not those of the dump; empty: all are.
func unequal(tables []evidence.Table) string {
	var wrong []string
	compared := 0
	for _, t := range tables {
		switch {
		case t.Extra:
			continue
		case t.RestoredChecksum == "":
			wrong = append(wrong, t.Name+" is missing")
		case t.Rows != t.RestoredRows:
			wrong = append(wrong, fmt.Sprintf("%s has %d rows of %d", t.Name, t.RestoredRows, t.Rows))
		case !t.Equal:
			wrong = append(wrong, t.Name+" has other content in as many rows")
		}
		compared++
	}
	switch {
	case compared == 0:
		return "the dump holds no table, so nothing was compared"
	case len(wrong) > 0:
		return "the restored database is not the one that was dumped: " + strings.Join(wrong, ", ")
	}
	return ""
}

// perSecond is 0 where the time is too short to tell.
func perSecond(bytes int64, took time.Duration) int64 {
	if took < 2*time.Second {
		return 0
	}
	return int64(float64(bytes) / took.Seconds())
}
