package recovery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// gone is a world in which the service's namespace was deleted.
func gone(t *testing.T) (*world, *Site, Prospect) {
	t.Helper()
	w := newWorld()
	delete(w.objects, "/api/v1/namespaces/staging")
	w.service = shop(func() string { return `{}` })
	s, _ := w.site(t)
	p, err := s.Prospect(t.Context(), RestoreOptions{Backup: Newest})
	if err != nil {
		t.Fatal(err)
	}
	return w, s, p
}

func TestARestoreGoesIntoTheServicesOwnNamespaceUnchanged(t *testing.T) {
	w, s, p := gone(t)
	if text := s.Text(p); !strings.Contains(text, "into       namespace staging of the cluster cluster (context c)") ||
		!strings.Contains(text, "from       good, made") {
		t.Errorf("it says:\n%s", text)
	}
	decided := time.Now().Add(-3 * time.Second)
	record, err := s.Restore(t.Context(), p, RestoreOptions{}, decided)
	if err != nil || record.Verdict != evidence.Proven || record.Kind != evidence.KindRestore ||
		record.Target != "staging" ||
		record.RTO.Duration() < 3*time.Second {
		t.Fatalf("error %v, record %+v", err, record)
	}
	nothingIsLeft(t, w)
	for _, change := range w.changes {
		if strings.HasPrefix(change, "DELETE") && strings.Contains(change, "/pods") ||
			strings.Contains(change, "/namespaces/staging") {
			t.Errorf("a restore did %s", change)
		}
	}
}

func TestARestoreThatFailsKeepsVelerosRecord(t *testing.T) {
	w, s, p := gone(t)
	w.restore = map[string]any{"phase": "PartiallyFailed", "errors": 1}
	record, err := s.Restore(t.Context(), p, RestoreOptions{}, time.Now())
	if err != nil || record.Verdict != evidence.Failed || !strings.Contains(record.Reason, "is PartiallyFailed") ||
		w.objects[inVelero+"restores/"+record.Restore] == nil {
		t.Errorf("error %v, record %+v", err, record)
	}
	listed, err := s.List(t.Context(), time.Now())
	if err != nil || len(listed) != 1 || !strings.Contains(listed[0].Proof, "restore failed") || !listed[0].Good {
		t.Errorf("listed %+v, error %v", listed, err)
	}
}

// TestNoRestoreBringsExperimentsBack: the admission policy refuses them elsewhere, and Chaos Mesh may not answer on the
// bad day.
func TestNoRestoreBringsExperimentsBack(t *testing.T) {
	w, s, p := gone(t)
	w.restore = map[string]any{"phase": "PartiallyFailed", "errors": 1} // so that its record stays
	record, err := s.Restore(t.Context(), p, RestoreOptions{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	asked := fmt.Sprint(w.objects[inVelero+"restores/"+record.Restore])
	for _, kind := range []string{"schedules", "podchaos", "networkchaos", "stresschaos"} {
		if !strings.Contains(asked, kind+".chaos-mesh.org") ||
			!slices.Contains(leftOutOfCopy, any(kind+".chaos-mesh.org")) {
			t.Errorf("%s may come back: %s; in a drill left out are %v", kind, asked, leftOutOfCopy)
		}
	}
}

func TestTheListSaysWhatIsKnownOfEachBackup(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		want   string
	}{
		"nothing": {func(*world) {}, "never tried"},
		"a failed hook": {func(w *world) {
			w.set(backupAt, "status.hookStatus", map[string]any{"hooksAttempted": 2, "hooksFailed": 1})
		}, "1 of 2 hooks failed"},
		"half of it":     {func(w *world) { w.set(backupAt, "status.phase", "PartiallyFailed") }, "is PartiallyFailed"},
		"not yet there":  {func(w *world) { w.set(backupAt, "status.phase", "InProgress") }, "being made"},
		"on its way out": {func(w *world) { w.set(backupAt, "status.phase", "Deleting") }, "it is being deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.change(w)
			s, _ := w.site(t)
			listed, err := s.List(t.Context(), time.Now())
			if err != nil || len(listed) != 1 || !strings.Contains(listed[0].Proof, c.want) ||
				listed[0].Good != (name == "nothing") {
				t.Errorf("listed %+v, error %v", listed, err)
			}
		})
	}
	w, s, p := gone(t)
	if _, err := s.Restore(t.Context(), p, RestoreOptions{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	listed, err := s.List(t.Context(), time.Now())
	if err != nil || len(listed) != 1 || !strings.HasPrefix(listed[0].Proof, "proven restorable") ||
		listed[0].ProvenAt.IsZero() {
		t.Errorf("listed %+v, error %v (%d changes)", listed, err, len(w.changes))
	}
}

func TestWhatExistsIsNotSaidToBeCreated(t *testing.T) {
	_, s, p := gone(t)
	p.Contents = map[string][]string{
		"apps/v1/Deployment": {"staging/shop"},
		"v1/Service":         {"staging/shop", "staging/shop-db"},
		"v1/Namespace":       {"staging"}, "chaos-mesh.org/v1alpha1/Schedule": {"staging/shop"},
	}
	p.Existing = []string{"deployment/shop", "service/shop"}
	text := s.Text(p)
	for want, is := range map[string]bool{
		"Deployment": false, "Schedule": false, "1 Service: shop-db\n": true, "1 Namespace: staging, unless it exists\n": true, "leaves     as they are: deployment/shop, service/shop\n": true,
	} {
		if strings.Contains(text, want) != is {
			t.Errorf("%q: want it said: %v\n%s", want, is, text)
		}
	}
}
