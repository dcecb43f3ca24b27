package recovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
)

// shop is the service: it knows one record, in its own namespace and in every copy, while it exists.
func shop(copies func() string) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		live := strings.HasPrefix(r.URL.Path, "/staging/")
		switch {
		case r.Method == http.MethodPost:
			out.Header().Set("Location", "/tasks/7")
			out.WriteHeader(http.StatusCreated)
		case r.Method == http.MethodDelete:
			out.WriteHeader(http.StatusNoContent)
		case live && strings.HasSuffix(r.URL.Path, "/tasks/7"):
			fmt.Fprint(out, `{"id": 7, "title": "x"}`)
		case strings.HasSuffix(r.URL.Path, "/tasks/7"):
			fmt.Fprint(out, copies())
		default:
			fmt.Fprint(out, `{}`)
		}
	}
}

func TestADrillProvesKeepsTheEvidenceAndLeavesNothing(t *testing.T) {
	w := newWorld()
	w.service = shop(func() string { return `{"title":"x","id":7}` })
	s, said := w.site(t)
	record, err := s.Drill(t.Context(), DrillOptions{Replicas: 1}, never)
	if err != nil || record.Verdict != evidence.Proven || !record.Answer.Sentinel || record.Answer.Path != "/tasks/7" ||
		!record.Backup.Fresh {
		t.Fatalf("error %v, record %+v\n%s", err, record, said)
	}
	if !strings.Contains(said.String(), "WARNING: the evidence is not in the bucket") {
		t.Errorf("nobody was told that the bucket could not be reached:\n%s", said)
	}
	kept, err := shelf.Latest(t.Context(), s.Cluster.Client, s.Vault, "shop")
	if err != nil || len(kept) != 1 || kept[0].RTO != record.RTO {
		t.Errorf("kept %+v, error %v", kept, err)
	}
	nothingIsLeft(t, w)
	if w.objects["/api/v1/namespaces/staging"] == nil {
		t.Error("the service's namespace is gone")
	}
	// The record of the live service is gone before anybody could answer for the copy with it.
	made := slices.IndexFunc(w.changes, func(c string) bool { return strings.HasSuffix(c, "/restores") })
	if deleted := slices.Index(w.changes, "DELETE /staging/services/http:shop:8000/proxy/tasks/7"); deleted < 0 ||
		made < deleted {
		t.Errorf("changes %q", w.changes)
	}
}

// nothingIsLeft finds what a drill made and did not remove, but its backup and its evidence.
func nothingIsLeft(t *testing.T, w *world) {
	t.Helper()
	for at := range w.objects {
		switch {
		case strings.Contains(at, "/restores/"),
			strings.Contains(at, "/leases/"),
			strings.HasPrefix(at, "/api/v1/namespaces/staging-drill"),
			strings.Contains(at, "/configmaps/") && !strings.Contains(at, "/configmaps/opex-"):
			t.Errorf("%s is left", at)
		}
	}
}

func TestADrillThatProvesNothingFailsAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *Site)
		copies string
		says   string
	}{
		"the backup failed": {func(w *world, _ *Site) { w.backup = map[string]any{"phase": "Failed", "failureReason": "no store"} }, `{"title":"x","id":7}`, "is Failed: no store"},
		"a hook failed": {func(w *world, _ *Site) {
			w.backup = map[string]any{"phase": "PartiallyFailed", "hookStatus": map[string]any{"hooksAttempted": 2, "hooksFailed": 1}}
		}, `{"title":"x","id":7}`, "1 of 2 hooks failed"},
		"the restore failed": {func(w *world, _ *Site) {
			w.restore = map[string]any{"phase": "PartiallyFailed", "errors": 1}
		}, `{"title":"x","id":7}`, "is PartiallyFailed"},
		"it is not valid": {func(w *world, _ *Site) {
			w.restore = map[string]any{"phase": "FailedValidation", "validationErrors": []any{"no such backup"}}
		}, `{"title":"x","id":7}`, "no such backup"},
		"the load failed": {func(w *world, _ *Site) {
			w.restore = map[string]any{"phase": "PartiallyFailed", "hookStatus": map[string]any{"hooksAttempted": 1, "hooksFailed": 1}}
		}, `{"title":"x","id":7}`, "the load failed: 1 of 1 hooks"},
		"another record is answered": {nil, `{"title":"another","id":7}`, "not done after 1.5 s"},
		"it took too long":           {func(_ *world, s *Site) { s.rto = 0 }, `{"title":"x","id":7}`, "and the objective is"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.service = shop(func() string { return c.copies })
			s, said := w.site(t)
			if c.change != nil {
				c.change(w, s)
			}
			record, err := s.Drill(t.Context(), DrillOptions{Timeout: 1500 * time.Millisecond}, never)
			if err != nil || record.Verdict != evidence.Failed || !strings.Contains(record.Reason, c.says) {
				t.Fatalf("error %v, verdict %s: %s\n%s", err, record.Verdict, record.Reason, said)
			}
			kept, err := shelf.Latest(t.Context(), s.Cluster.Client, s.Vault, "shop")
			if err != nil || len(kept) != 1 || kept[0].Verdict != evidence.Failed {
				t.Errorf("kept %+v, error %v", kept, err)
			}
			nothingIsLeft(t, w)
			if !slices.ContainsFunc(
				w.changes,
				func(c string) bool { return strings.HasPrefix(c, "DELETE") && strings.Contains(c, "/leases/") },
			) {
				t.Errorf("changes %q", w.changes)
			}
		})
	}
}

func TestAnInterruptedDrillIsNoEvidenceAndCleansUp(t *testing.T) {
	w := newWorld()
	ctx, interrupt := context.WithCancelCause(t.Context())
	w.service = shop(func() string { interrupt(errors.New("interrupt signal received")); return `{}` })
	s, _ := w.site(t)
	record, err := s.Drill(ctx, DrillOptions{}, never)
	if record.Kind != "" || err == nil || !strings.Contains(err.Error(), "no evidence: interrupt signal received") {
		t.Errorf("record %+v, error %v", record, err)
	}
	if kept, err := shelf.Latest(t.Context(), s.Cluster.Client, s.Vault, "shop"); err != nil || len(kept) != 0 {
		t.Errorf("kept %+v, error %v", kept, err)
	}
	nothingIsLeft(t, w)
}

func TestACleanUpThatIsEndedSaysWhatIsLeftAndHowToRemoveIt(t *testing.T) {
	w := newWorld()
	w.service = shop(func() string { return `{"title":"x","id":7}` })
	s, _ := w.site(t)
	_, err := s.Drill(t.Context(), DrillOptions{Namespace: "copy"}, func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return ctx, cancel
	})
	for _, words := range []string{"left behind: namespace copy; to remove it: kubectl delete namespace copy", "left behind: Restore and ConfigMap velero/staging-shop-drill-"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("it does not say %q: %v", words, err)
		}
	}
}

func TestALeaseOfADeadDrillIsTakenOverAndWhatItLeftIsRemoved(t *testing.T) {
	w := newWorld()
	w.service = shop(func() string { return `{"title":"x","id":7}` })
	w.objects[leaseAt] = map[string]any{"metadata": map[string]any{"name": "opex-drill-shop", "resourceVersion": "1"},
		"spec": map[string]any{"holderIdentity": "the dead", "renewTime": "2026-11-01T00:00:00.000000Z"}}
	w.objects["/api/v1/namespaces/left"] = map[string]any{
		"metadata": map[string]any{"name": "left", "uid": "u", "labels": map[string]any{labelDrill: "shop"}},
	}
	s, said := w.site(t)
	record, err := s.Drill(t.Context(), DrillOptions{From: "latest"}, never)
	if err != nil || record.Verdict != evidence.Proven || record.Answer.Sentinel || record.Backup.Fresh {
		t.Errorf("error %v, record %+v", err, record)
	}
	if w.objects["/api/v1/namespaces/left"] != nil || !strings.Contains(said.String(), "the dead began") ||
		!strings.Contains(said.String(), "namespace left") {
		t.Errorf("said:\n%s", said)
	}
	nothingIsLeft(t, w)
}

func TestWhatIsToBeKeptStays(t *testing.T) {
	w := newWorld()
	w.service = shop(func() string { return `{"title":"x","id":7}` })
	s, said := w.site(t)
	if _, err := s.Drill(t.Context(), DrillOptions{Namespace: "copy", Keep: true}, never); err != nil {
		t.Fatal(err)
	}
	if w.objects["/api/v1/namespaces/copy"] == nil ||
		!strings.Contains(said.String(), "kept: namespace copy; to remove it: kubectl delete namespace copy") {
		t.Errorf("said:\n%s", said)
	}
}
