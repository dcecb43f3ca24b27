package recovery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/internal/contract"
)

func never() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }

func TestDrillRefusesBeforeItChangesAnything(t *testing.T) {
	fresh := map[string]any{"metadata": map[string]any{"name": "opex-drill-shop", "namespace": "velero"},
		"spec": map[string]any{
			"holderIdentity": "somebody else",
			"acquireTime":    "2026-11-01T00:00:00.000000Z",
			"renewTime":      time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		}}
	cases := map[string]struct {
		change  func(*world)
		options DrillOptions
		says    []string
	}{
		"the vault is not available": {
			func(w *world) { w.set(locationAt, "status.phase", "Unavailable") }, DrillOptions{},
			[]string{"default is Unavailable"},
		},
		"the vault is read only": {func(w *world) {
			w.set(locationAt, "spec", map[string]any{"accessMode": "ReadOnly"})
		}, DrillOptions{}, []string{"no backup can be made"}},
		"Velero is down": {
			func(w *world) { w.set(serverAt, "status.readyReplicas", 0) }, DrillOptions{}, []string{"has no ready pod"},
		},
		"the node agent is not": {
			func(w *world) { w.set(agentAt, "status.numberReady", 0) }, DrillOptions{},
			[]string{"ready on 0 of 1 nodes"},
		},
		"no Schedule": {
			func(w *world) { delete(w.objects, scheduleAt) }, DrillOptions{}, []string{"schedules velero/staging-shop"},
		},
		"a paused Schedule": {
			func(w *world) { w.set(scheduleAt, "spec.paused", true) }, DrillOptions{}, []string{"is paused", "--from"},
		},
		"all at once": {func(w *world) {
			w.set(locationAt, "status.phase", "Unavailable")
			w.set(serverAt, "status.readyReplicas", 0)
		}, DrillOptions{Namespace: "staging"}, []string{"4 problems", "Unavailable", "no ready pod", "service shop", "it exists"}},
		"over the service":     {nil, DrillOptions{Namespace: "staging"}, []string{"it is that of the service shop"}},
		"over another service": {nil, DrillOptions{Namespace: "others"}, []string{"it is that of the service other"}},
		"over Velero":          {nil, DrillOptions{Namespace: "velero"}, []string{"it is that of Velero"}},
		"over Kubernetes":      {nil, DrillOptions{Namespace: "kube-public"}, []string{"it belongs to Kubernetes"}},
		"over the default":     {nil, DrillOptions{Namespace: "default"}, []string{"it belongs to Kubernetes"}},
		"over one that exists": {
			func(w *world) { w.objects["/api/v1/namespaces/mine"] = map[string]any{} }, DrillOptions{Namespace: "mine"},
			[]string{"it exists"},
		},
		"a name that cannot be": {nil, DrillOptions{Namespace: "No_Name"}, []string{`"No_Name"`, "lowercase"}},
		"another drill runs": {
			func(w *world) { w.objects[leaseAt] = fresh }, DrillOptions{},
			[]string{"somebody else, since 2026-11-01T00:00:00Z"},
		},
		"no such backup": {nil, DrillOptions{From: "nope"}, []string{`there is no backup "nope"`}},
		"another's backup": {
			func(w *world) { w.set(backupAt, "metadata.labels", map[string]any{}) }, DrillOptions{From: "good"},
			[]string{"it is no backup of shop"},
		},
		"a backup elsewhere": {
			func(w *world) { w.set(backupAt, "spec.storageLocation", "x") }, DrillOptions{From: "good"},
			[]string{"it is not in this vault"},
		},
		"a backup that expired": {
			func(w *world) { w.set(backupAt, "status.expiration", "2026-01-01T00:00:00Z") }, DrillOptions{From: "good"},
			[]string{"it expired at 2026-01-01"},
		},
		"a backup that is going": {
			func(w *world) { w.set(backupAt, "status.phase", "Deleting") }, DrillOptions{From: "good"},
			[]string{"it is being deleted"},
		},
		"a backup that failed": {
			func(w *world) { w.set(backupAt, "status.phase", "Failed") }, DrillOptions{From: "good"},
			[]string{"is Failed"},
		},
		"a partial backup": {
			func(w *world) { w.set(backupAt, "status.phase", "PartiallyFailed") }, DrillOptions{From: "good"},
			[]string{"is PartiallyFailed"},
		},
		"a backup being made": {
			func(w *world) { w.set(backupAt, "status.phase", "InProgress") }, DrillOptions{From: "good"},
			[]string{"it has not ended"},
		},
		"a hook that failed": {func(w *world) {
			w.set(backupAt, "status.hookStatus", map[string]any{"hooksAttempted": 2, "hooksFailed": 1})
		}, DrillOptions{From: "latest"}, []string{"no backup of shop is good", "1 of 2 hooks failed"}},
		"no backup at all": {
			func(w *world) { delete(w.objects, backupAt) }, DrillOptions{From: "latest"},
			[]string{"there is no backup of shop yet"},
		},
		"another restore runs": {func(w *world) {
			w.objects[inVelero+"restores/x"] = map[string]any{
				"kind":       "Restore",
				"apiVersion": "velero.io/v1",
				"metadata":   map[string]any{"name": "x"},
				"status":     map[string]any{"phase": "InProgress"},
			}
		}, DrillOptions{}, []string{"x is InProgress", "cancel"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.change != nil {
				c.change(w)
			}
			s, _ := w.site(t)
			record, err := s.Drill(t.Context(), c.options, never)
			if !errors.As(err, &refusal.Refused{}) || record.Kind != "" || len(w.changes) > 0 {
				t.Fatalf("error %v, record %+v, changes %q", err, record, w.changes)
			}
			for _, words := range c.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("it does not say %q: %v", words, err)
				}
			}
		})
	}
}

func TestABackupWithoutAHookIsNoBackupOfADatabase(t *testing.T) {
	w := newWorld()
	s, _ := w.site(t)
	s.Plan.Dump, s.Service.Database = &contract.Dump{}, &contract.Database{}
	if _, err := s.Drill(t.Context(), DrillOptions{From: "good"}, never); err == nil ||
		!strings.Contains(err.Error(), "no hook ran") {
		t.Errorf("error is %v", err)
	}
}

func TestRestoreRefusesWhereTheServiceIsAndChangesNothing(t *testing.T) {
	kinds := map[string]any{"kind": "APIResourceList", "groupVersion": "v1", "resources": []any{
		map[string]any{
			"name":       "configmaps",
			"kind":       "ConfigMap",
			"namespaced": true,
			"verbs":      []any{"list", "create"},
		}}}
	there := func(w *world) {
		w.objects["/api"] = map[string]any{"kind": "APIVersions", "versions": []any{"v1"}}
		w.objects["/apis"] = map[string]any{"kind": "APIGroupList", "groups": []any{}}
		w.objects["/api/v1"] = kinds
		w.objects["/api/v1/namespaces/staging/configmaps/settings"] = map[string]any{
			"apiVersion": "v1",
			"kind":       "ConfigMap",
			"metadata":   map[string]any{"name": "settings", "labels": map[string]any{"app": "shop"}},
		}
	}
	for name, c := range map[string]struct {
		change  func(*world)
		options RestoreOptions
		says    string // empty: it is allowed
	}{
		"objects exist":                   {there, RestoreOptions{Backup: "good"}, "objects of shop exist in namespace staging: configmap/settings"},
		"... and that is said to be fine": {there, RestoreOptions{Backup: "good", IntoExisting: true}, ""},
		"the namespace is gone":           {func(w *world) { delete(w.objects, "/api/v1/namespaces/staging") }, RestoreOptions{Backup: "good"}, ""},
		"the backup is unknown":           {func(w *world) { delete(w.objects, "/api/v1/namespaces/staging") }, RestoreOptions{Backup: "godo"}, `there is no backup "godo"`},
		"the namespace is ending": {func(w *world) {
			w.objects["/api/v1/namespaces/staging"]["status"] = map[string]any{"phase": "Terminating"}
		}, RestoreOptions{Backup: "good"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.change(w)
			s, _ := w.site(t)
			p, err := s.Prospect(t.Context(), c.options)
			if len(w.changes) > 0 {
				t.Errorf("changes %q", w.changes)
			}
			if c.says == "" {
				if err != nil || p.Backup.Name != "good" || p.Ending != strings.Contains(name, "ending") {
					t.Errorf("prospect %+v, error %v", p, err)
				}
			} else if !errors.As(err, &refusal.Refused{}) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
