package sabotage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
	"github.com/opex-project/opex/internal/contract"
)

func TestEachCriterionIsBrokenInThreeDifferentWaysOrMore(t *testing.T) {
	ways, seen := map[string]int{}, map[string]bool{}
	for _, b := range All {
		ways[b.Criterion]++
		if seen[b.What] || b.What == "" || b.Says == "" || b.do == nil {
			t.Errorf("%+v", b)
		}
		seen[b.What] = true
	}
	for _, c := range verify.Criteria {
		if ways[c.ID] < 3 {
			t.Errorf("%s is broken in %d ways", c.ID, ways[c.ID])
		}
	}
	if len(All) != 35 {
		t.Errorf("there are %d breaches: the documents say 35", len(All))
	}
}

// scene is a service whose criteria are A, B and C, if nothing else is said. What is broken makes some of them fail.
type scene struct {
	ids    []string
	broken map[string]bool
	*Site
	said          bytes.Buffer
	interruptions int // that are listened for after the first
}

func newScene() *scene {
	s := &scene{ids: []string{"A", "B", "C"}, broken: map[string]bool{}}
	s.Site = &Site{
		Name:    "shop",
		Service: contract.Service{},
		People:  &s.said,
		Impatient: func() (context.Context, context.CancelFunc) {
			s.interruptions++
			return context.WithCancel(context.Background())
		},
		Judge: func(context.Context) verify.ServiceReport {
			var report verify.ServiceReport
			for _, id := range s.ids {
				verdict := verify.Pass
				if s.broken[id] {
					verdict = verify.Fail
				}
				report.Criteria = append(
					report.Criteria, verify.Judged{ID: id, Result: verify.Result{Verdict: verdict, Actual: "as it is"}},
				)
			}
			return report
		},
	}
	return s
}

// breaking makes criteria fail until it is put back.
func (s *scene) breaking(ids ...string) func(context.Context, *Site) error {
	return func(_ context.Context, site *Site) error {
		for _, id := range ids {
			site.later(id, func(context.Context) error { delete(s.broken, id); return nil })
			s.broken[id] = true
		}
		return nil
	}
}

func TestOnlyABreachThatItsOwnCriterionAloneNoticesIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		breaks  []string
		with    []string
		says    string
		fails   error
		caught  bool
		summary string
	}{
		"for its own reason":                {breaks: []string{"A"}, says: "as it is", caught: true, summary: "1 of 1 caught, no false alarm"},
		"for another reason":                {breaks: []string{"A"}, says: "timeout", summary: "0 of 1 caught, no false alarm"},
		"its own alone":                     {breaks: []string{"A"}, caught: true, summary: "1 of 1 caught, no false alarm"},
		"with one that rests on the same":   {breaks: []string{"A", "B"}, with: []string{"B"}, caught: true, summary: "1 of 1 caught, no false alarm"},
		"nobody notices":                    {summary: "0 of 1 caught, no false alarm"},
		"another notices":                   {breaks: []string{"B"}, summary: "0 of 1 caught, 1 false alarm"},
		"another notices too":               {breaks: []string{"A", "B", "C"}, with: []string{"B"}, summary: "0 of 1 caught, 1 false alarm"},
		"it could not be broken":            {breaks: []string{"A"}, fails: errors.New("forbidden"), summary: "0 of 1 caught, no false alarm"},
		"it could not be broken altogether": {fails: errors.New("forbidden"), summary: "0 of 1 caught, no false alarm"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene()
				b := Breach{
					Criterion: "A",
					With:      c.with,
					What:      "it",
					Says:      c.says,
					do: func(ctx context.Context, site *Site) error {
						return errors.Join(s.breaking(c.breaks...)(ctx, site), c.fails)
					},
				}
				rows, err := s.Run(t.Context(), []Breach{b}, func(int, Row) {})
				if err != nil || len(rows) != 1 || rows[0].Caught() != c.caught || len(s.broken) > 0 {
					t.Fatalf("%+v, error %v, still broken %v", rows, err, s.broken)
				}
				if text, good := Summary(rows); text != c.summary || good != c.caught {
					t.Errorf("summary %q, good %v", text, good)
				}
			})
		})
	}
}

func TestNothingIsBrokenWhereSomethingIsRedToBeginWith(t *testing.T) {
	s := newScene()
	s.broken["C"] = true
	_, err := s.Run(
		t.Context(),
		[]Breach{{Criterion: "A", do: func(context.Context, *Site) error { t.Error("it was broken"); return nil }}},
		nil,
	)
	if err == nil || !strings.Contains(err.Error(), "C is FAIL: as it is): nothing was broken") {
		t.Errorf("error is %v", err)
	}
}

func TestWhatWasBrokenIsPutBackAfterAnInterruptionWhichIsNoEvidenceEitherWay(t *testing.T) {
	for name, when := range map[string]func(s *scene, interrupt func()){
		"while it is broken": func(s *scene, interrupt func()) {
			s.broken["C"] = true // what cannot be asked any more is red
			interrupt()
		},
		"while a criterion is judged": func(s *scene, interrupt func()) {
			judge, asked := s.Judge, false
			s.Judge = func(ctx context.Context) verify.ServiceReport {
				if !asked {
					asked = true
					interrupt()
					return verify.ServiceReport{Criteria: []verify.Judged{{ID: "C", Result: verify.Result{Verdict: verify.Unproven, Actual: "context canceled"}}}}
				}
				return judge(ctx)
			}
		},
		"between two looks": func(s *scene, interrupt func()) { time.AfterFunc(lookEvery/2, interrupt) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene()
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				first := Breach{Criterion: "A", What: "first", do: s.breaking("A")}
				second := Breach{Criterion: "A", What: "second", do: func(ctx context.Context, site *Site) error {
					site.later("C", func(context.Context) error { delete(s.broken, "C"); return nil })
					when(s, interrupt)
					return s.breaking("B")(ctx, site)
				}}
				third := Breach{
					Criterion: "A",
					What:      "third",
					do:        func(context.Context, *Site) error { t.Error("it was broken"); return nil },
				}
				told := 0
				rows, err := s.Run(ctx, []Breach{first, second, third}, func(int, Row) { told++ })
				if err == nil ||
					!strings.Contains(err.Error(), "interrupted after 1 of 3; all that was broken was put back") ||
					len(s.broken) > 0 {
					t.Errorf("error %v, still broken %v", err, s.broken)
				}
				if text, good := Summary(rows); !good || told != 1 || text != "1 of 1 caught, no false alarm" {
					t.Errorf("%s of %d rows, %d told: %+v", text, len(rows), told, rows)
				}
				if !strings.Contains(s.said.String(), "interrupted: it is put back; wait") {
					t.Errorf("people were told %s", &s.said)
				}
			})
		})
	}
}

func TestASecondInterruptionEndsTheWaitingAndSaysThatAllWasPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene()
		s.Impatient = func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		}
		ctx, interrupt := context.WithCancel(t.Context())
		back := false
		b := Breach{Criterion: "A", What: "it", do: func(_ context.Context, site *Site) error {
			s.broken["B"] = true // and it stays
			site.later("it", func(context.Context) error { back = true; return nil })
			interrupt()
			return nil
		}}
		began := time.Now()
		_, err := s.Run(ctx, []Breach{b}, nil)
		if !back || err == nil || !strings.Contains(err.Error(), "no") || time.Since(began) > 10*time.Second {
			t.Errorf("put back: %v, after %s: %v", back, time.Since(began), err)
		}
	})
}

func TestAGameDayThatMeasuresNothingIsHeldAgainAndThenNotCaught(t *testing.T) {
	for measured, want := range map[int]string{1: "1 of 1 caught, no false alarm", 3: "1 of 1 caught, no false alarm", 4: "0 of 1 caught, no false alarm"} {
		synctest.Test(t, func(t *testing.T) {
			s, begun := newScene(), 0
			b := Breach{Criterion: "A", What: "it", do: func(ctx context.Context, site *Site) error {
				if len(s.broken) > 0 {
					t.Error("what the try before it made is still there")
				}
				err := s.breaking("A")(ctx, site)
				if begun++; begun < measured {
					return fmt.Errorf("%w: no steady state", errDisturbed)
				}
				return err
			}}
			rows, err := s.Run(t.Context(), []Breach{b}, func(int, Row) {})
			if text, _ := Summary(rows); err != nil || text != want || begun != min(measured, tries) {
				t.Errorf("measured at the %d. try: %s after %d tries, %v, %+v", measured, text, begun, err, rows)
			}
		})
	}
}

func TestAGameDayThatMissesAFurtherObjectiveIsHeldAgainAndThenAFalseAlarm(t *testing.T) {
	for name, c := range map[string]struct {
		also  string
		until int // the try at which only what is broken is red
		kills bool
		tries int
		want  string
		deaf  bool // the criterion itself does not notice
	}{
		"a clean one":                    {"SC-010", 1, true, 1, "1 of 1 caught, no false alarm", false},
		"a busy machine":                 {"SC-010", 3, true, 3, "1 of 1 caught, no false alarm", false},
		"each time":                      {"SC-010", 9, true, 3, "0 of 1 caught, 1 false alarm", false},
		"of what no Game Day tells":      {"SC-001", 2, true, 1, "0 of 1 caught, 1 false alarm", false},
		"of a breach without Game Days":  {"SC-010", 2, false, 1, "0 of 1 caught, 1 false alarm", false},
		"beside one that is not noticed": {"SC-010", 2, true, 1, "0 of 1 caught, 1 false alarm", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, begun := newScene(), 0
				s.ids = []string{"SC-001", "SC-009", "SC-010"}
				b := Breach{
					Criterion: "SC-009",
					What:      "it",
					kills:     c.kills,
					do: func(ctx context.Context, site *Site) error {
						begun++
						if c.deaf {
							return s.breaking(c.also)(ctx, site)
						}
						if begun < c.until {
							return s.breaking("SC-009", c.also)(ctx, site)
						}
						return s.breaking("SC-009")(ctx, site)
					},
				}
				rows, err := s.Run(t.Context(), []Breach{b}, func(int, Row) {})
				if text, _ := Summary(rows); err != nil || text != c.want || begun != c.tries ||
					rows[0].Tries != c.tries {
					t.Errorf("%s after %d tries, %v, %+v", text, begun, err, rows)
				}
				if said := "no clean Game Day: also SC-010 FAIL: as it is; it is tried again"; strings.Count(
					s.said.String(), said,
				) != c.tries-1 {
					t.Errorf("people are told:\n%s", s.said.String())
				}
			})
		})
	}
}

// TestABusyMachineIsNoFalseAlarm: of the three criteria that a Game Day tells of, two that are not broken would be
// unproven for it.
func TestABusyMachineIsNoFalseAlarm(t *testing.T) {
	for name, c := range map[string]struct {
		day  func(*evidence.GameDay)
		says string // empty: it measured something
	}{
		"a kill":                         {func(*evidence.GameDay) {}, ""},
		"no kill":                        {func(r *evidence.GameDay) { r.KilledAt = time.Time{} }, "there was no kill: no steady state"},
		"a twentieth late":               {func(r *evidence.GameDay) { r.During.Late = 20 }, ""},
		"more late in the recovery":      {func(r *evidence.GameDay) { r.During.Late = 21 }, "starved: 0 requests never sent, 0 of 4000 sent late, 21 of 400"},
		"more late all told":             {func(r *evidence.GameDay) { r.Load.Late = 201 }, "starved"},
		"one never sent":                 {func(r *evidence.GameDay) { r.Load.Dropped = 1 }, "starved"},
		"a breach that disqualifies it":  {func(r *evidence.GameDay) { r.AlsoGone = []string{"shop-2"} }, ""},
		"a generator that somebody ends": {func(r *evidence.GameDay) { r.Problems = []string{"load: the generator is gone"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := evidence.GameDay{
				KilledAt: time.Unix(1, 0),
				Reasons:  []string{"no steady state"},
				Load:     evidence.LoadRun{Requests: 4000},
				During:   evidence.Window{Requests: 400},
			}
			c.day(&r)
			err := disturbed([]evidence.GameDay{r})
			if (err == nil) != (c.says == "") ||
				err != nil && (!errors.Is(err, errDisturbed) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error %v, want %q", err, c.says)
			}
		})
	}
}

func TestItEndsWhereSomethingCannotBePutBack(t *testing.T) {
	for name, undo := range map[string]func(*scene) error{
		"putting back fails":      func(*scene) error { return errors.New("forbidden") },
		"it stays red afterwards": func(*scene) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene()
				b := Breach{Criterion: "A", What: "it", do: func(_ context.Context, site *Site) error {
					s.broken["A"] = true
					site.later("the thing", func(context.Context) error { return undo(s) })
					return nil
				}}
				rows, err := s.Run(t.Context(), []Breach{b, b}, func(int, Row) {})
				if !errors.Is(err, ErrLeft) || len(rows) != 1 {
					t.Errorf("%d rows, error %v", len(rows), err)
				}
			})
		})
	}
}

// TestARelapseIsThatOfTheBreachBefore: what it broke may come back little by little.
func TestARelapseIsThatOfTheBreachBefore(t *testing.T) {
	for name, c := range map[string]struct {
		relapses time.Duration // after the first green
		lasts    time.Duration
		left     bool // it never is green for long enough
		alarms   int  // of the breach after it
	}{
		"none":                       {0, 0, false, 0},
		"while it has to stay green": {2 * time.Second, time.Second, false, 0},
		"for good":                   {2 * time.Second, time.Hour, true, 0},
		"later":                      {4 * time.Second, time.Minute, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene()
				slow := Breach{
					Criterion: "A",
					What:      "slow",
					greenFor:  3 * time.Second,
					do: func(ctx context.Context, site *Site) error {
						site.later("a relapse", func(context.Context) error {
							time.AfterFunc(c.relapses, func() { s.broken["A"] = c.lasts > 0 })
							time.AfterFunc(c.relapses+c.lasts, func() { s.broken["A"] = false })
							return nil
						})
						return s.breaking("A")(ctx, site)
					},
				}
				after := Breach{
					Criterion: "B",
					What:      "the one after it",
					do: func(ctx context.Context, site *Site) error {
						time.Sleep(2 * time.Second)
						return s.breaking("B")(ctx, site)
					},
				}
				rows, err := s.Run(t.Context(), []Breach{slow, after}, func(int, Row) {})
				if errors.Is(err, ErrLeft) != c.left || c.left && !strings.Contains(err.Error(), "still is A is FAIL") {
					t.Fatalf("error is %v", err)
				}
				if !c.left && (len(rows) != 2 || len(rows[0].False) > 0 || len(rows[1].False) != c.alarms) {
					t.Errorf("%+v", rows)
				}
			})
		})
	}
}

func TestABreachThatDoesNotConcernTheServiceCountsNeitherWay(t *testing.T) {
	s := newScene()
	rows, err := s.Run(t.Context(), []Breach{{Criterion: "A", What: "it", database: true}}, func(int, Row) {})
	if err != nil || rows[0].Skipped != "the service has no database" {
		t.Fatalf("%+v, error %v", rows, err)
	}
	if text, good := Summary(rows); good || text != "0 of 0 caught, no false alarm (1 do not concern the service)" {
		t.Errorf("summary %q, good %v", text, good)
	}
}

func TestOfATemplatesHooksThoseBeforeTheBackupAreChanged(t *testing.T) {
	template := func() map[string]any {
		hook := func(command string) []any {
			return []any{map[string]any{"exec": map[string]any{"command": []any{command}}}}
		}
		return map[string]any{
			"hooks": map[string]any{"resources": []any{map[string]any{"pre": hook("dump"), "post": hook("clean")}}},
		}
	}
	changed := template()
	if n := changeHooks(changed, func(hook map[string]any) { hook["command"] = "nothing" }); n != 1 {
		t.Errorf("%d were changed", n)
	}
	if got, want := fmt.Sprint(changed), strings.Replace(fmt.Sprint(template()), "[dump]", "nothing", 1); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	without := template()
	if n := changeHooks(without, nil); n != 1 || len(without) != 0 {
		t.Errorf("%d hooks, left %v", n, without)
	}
	if n := changeHooks(maps.Clone(without), nil); n != 0 {
		t.Errorf("%d hooks in a template without any", n)
	}
}

func TestAYearOlderIsAYear(t *testing.T) {
	r := map[string]any{"startedAt": "2026-11-23T18:48:56.5Z"}
	aYearOlder(r)
	if at, err := time.Parse(time.RFC3339, r["startedAt"].(string)); err != nil || at.Year() != 2025 ||
		at.YearDay() != 327 {
		t.Errorf("%v: %v", r, err)
	}
}

func TestWhatGoesWrongBesideAGameDayBeginsWithTheKillAndNotBefore(t *testing.T) {
	running := func(name string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shops", Labels: map[string]string{"app": "shop"}},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning},
		}
	}
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset(running("a"), running("b"))
		api := client.CoreV1().Pods("shops")
		s := &Site{
			Service: contract.Service{Namespace: "shops", Selector: map[string]string{"app": "shop"}},
			Cluster: &kube.Cluster{Client: client},
		}
		ctx, end := context.WithCancel(t.Context())
		killed, done := make(chan struct{}), make(chan error, 1)
		go s.watch(ctx, killed)
		go func() { done <- atKill(killAnother)(ctx, s, killed) }()
		left := func() string {
			time.Sleep(time.Second)
			names, err := s.pods(t.Context())
			return fmt.Sprint(names, err)
		}
		if got := left(); got != "[a b] <nil>" {
			t.Errorf("before the kill there are %s", got)
		}
		if _, err := api.Create(t.Context(), running("c"), metav1.CreateOptions{}); err != nil ||
			left() != "[a b c] <nil>" {
			t.Errorf("one more pod is no kill: %v, %s", err, left())
		}
		if err := api.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil || left() != "[c] <nil>" {
			t.Errorf("after the kill: %v, %s", err, left())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		end()
		if err := atKill(killAnother)(ctx, s, make(chan struct{})); !errors.Is(err, errDisturbed) {
			t.Errorf("without a kill the error is %v", err)
		}
	})
}

func TestPodsThatWereRefusedAreAskedForUntilTheyAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Name: "shop-1", Namespace: "shops", Labels: map[string]string{"app": "shop"}},
			Spec:       appsv1.ReplicaSetSpec{Replicas: new(int32(3))},
			Status:     appsv1.ReplicaSetStatus{Replicas: 2},
		}
		client := fake.NewClientset(set)
		s := &Site{
			Service: contract.Service{Namespace: "shops", Selector: map[string]string{"app": "shop"}},
			Cluster: &kube.Cluster{Client: client},
		}
		ctx, end := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer end()
		if err := s.retryPods(ctx); err == nil || !strings.Contains(err.Error(), "1 ReplicaSets miss pods") {
			t.Errorf("without the pod the error is %v", err)
		}
		asked := 0
		for _, a := range client.Actions() {
			if a.GetVerb() == "patch" {
				asked++
			}
		}
		now, err := client.AppsV1().ReplicaSets("shops").Get(t.Context(), "shop-1", metav1.GetOptions{})
		if err != nil || asked != 6 || len(now.Annotations) > 0 {
			t.Fatalf("%d changes in three looks, left %v, %v", asked, now.Annotations, err)
		}
		now.Status.Replicas = 3
		if _, err := client.AppsV1().ReplicaSets("shops").Update(t.Context(), now, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := s.retryPods(t.Context()); err != nil {
			t.Errorf("with all pods: %v", err)
		}
	})
}
