package sabotage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/gameday"
	"github.com/opex-project/opex/cmd/opex/internal/generator"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
)

// ofOneRecord are the criteria that rest on the same records.
var ofOneRecord = []string{"SC-008", "SC-009", "SC-010"}

var gameDayBreaches = []Breach{
	{
		Criterion: "SC-008",
		What:      "no pod may be made for a while after a kill, by a quota",
		Says:      "a recovery took",
		kills:     true,
		do:        gameDay(quotaWhile),
	},
	{
		Criterion: "SC-008",
		With:      ofOneRecord,
		What:      "a second pod dies with the one that is killed",
		Says:      "more pods than one went",
		kills:     true,
		do:        gameDay(atKill(killAnother)),
	},
	{
		Criterion: "SC-008",
		What:      "the replacement was ready, and then again and again is not, until the objective is past",
		Says:      "a recovery took",
		kills:     true,
		do:        gameDay(flap),
	},
	{
		Criterion: "SC-008",
		With:      ofOneRecord,
		What:      "the records of Game Days are another cluster's",
		Says:      "its cluster is",
		do:        kills(true, func(r map[string]any) { r["clusterUID"] = "another" }),
	},
	{
		Criterion: "SC-009",
		With:      []string{"SC-010"}, // who is answered meanwhile waits for a new connection
		database:  true,
		What:      "the database cuts its connections some seconds after the kill",
		Says:      "answers were 500 or above",
		kills:     true,
		do:        gameDay(inDatabase(cutConnections)),
	},
	{
		Criterion: "SC-009",
		With:      ofOneRecord,
		database:  true,
		What:      "nobody is answered in the last seconds of the load, all tables being locked",
		Says:      "got no answer",
		kills:     true,
		do:        gameDay(inDatabase(silence)),
	},
	{
		Criterion: "SC-009",
		With:      ofOneRecord,
		database:  true,
		What:      "all pods of the service are frozen in the last seconds of the load",
		Says:      "got no answer",
		kills:     true,
		do:        gameDay(freeze(math.MaxInt)),
	},
	{
		Criterion: "SC-009",
		With:      ofOneRecord,
		database:  true,
		What:      "one pod answers nothing for a while, and the others do",
		Says:      "got no answer",
		kills:     true,
		do:        gameDay(freeze(1)),
	},
	{
		Criterion: "SC-009",
		With:      ofOneRecord,
		What:      "the load generator is ended with the pod that is killed, and sends nothing more",
		Says:      "load: the generator",
		kills:     true,
		do:        gameDay(atKill(endGenerator)),
	},
	{
		Criterion: "SC-009",
		With:      ofOneRecord,
		What:      "the records of Game Days are edited by hand",
		Says:      "it was changed after it was written",
		do:        kills(false, func(r map[string]any) { r["verdict"] = evidence.Proven; r["recoverySeconds"] = 1 }),
	},
	{
		Criterion: "SC-010",
		database:  true,
		What:      "all tables are locked for a second of the recovery",
		Says:      "P95 during the recovery was",
		kills:     true,
		do:        gameDay(inDatabase(lockTables)),
	},
	{
		Criterion: "SC-010",
		With:      ofOneRecord,
		What:      "the Game Days are a year older",
		Says:      "old, want",
		do:        kills(true, aYearOlder),
	},
	{
		Criterion: "SC-010",
		With:      ofOneRecord,
		What:      "of a Game Day of many kills the records of some are gone",
		Says:      "was to be 99 kills",
		do: kills(true, func(r map[string]any) {
			if run, is := r["run"].(map[string]any); is {
				run["of"] = 99
			}
		}),
	},
}

// kills falsifies the records of the service's Game Days.
func kills(sealed bool, change func(record map[string]any)) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		return s.falsify(ctx, s.Outputs.Chaos.Namespace, sealed, change, evidence.KindGameDay)
	}
}

// Around the kill of a Game Day.
const (
	around     = gameday.MinAround + time.Second
	calmWithin = 2 * time.Minute // until one may begin
	cutAfter   = "6"             // seconds: recovered, and still counted by SC-009; SC-010 looks at the recovery alone
	cutFor     = "0.4"           // seconds
	lockedFor  = "1.3"           // seconds: most of a recovery, and less than a request may take
	silentFor  = "5"             // seconds: more than a request may take
)

// gameDay holds a Game Day with something going wrong beside it, which is told of the kill. Its record is deleted
// again.
func gameDay(
	wrong func(ctx context.Context, s *Site, killed <-chan struct{}) error,
) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		day, err := gameday.Open(s.Cluster, s.Outputs, s.Name, io.Discard)
		if err != nil {
			return err
		}
		if err := s.calm(ctx, day); err != nil {
			return err
		}
		// the last to be looked at
		s.later("the service's pods", func(ctx context.Context) error { return s.whole(ctx, day) })
		beside, end := context.WithCancel(ctx)
		defer end()
		killed, done := make(chan struct{}), make(chan error, 1)
		go s.watch(beside, killed)
		go func() { done <- wrong(beside, s, killed) }()
		// Its records bear the mark, and are not for keeping: none of the real ones makes room for them.
		records, err := day.Run(
			ctx, gameday.Options{Repeat: 1, Steady: around, After: around, Passing: map[string]string{mark: made}},
			func(evidence.GameDay) error { return nil },
		)
		end()
		problem := <-done
		for _, r := range records {
			at := s.objects(configMaps, s.Outputs.Chaos.Namespace)
			s.later(at.name(r.Name()), func(ctx context.Context) error { return s.remove(ctx, at, r.Name()) })
		}
		if ctx.Err() == nil {
			if err := disturbed(records); err != nil {
				return err
			}
		}
		if len(records) > 0 { // what then went wrong with it is in the record
			err = nil
		}
		if problem != nil {
			err = errors.Join(err, fmt.Errorf("beside the Game Day: %w", problem))
		}
		return err
	}
}

// disturbed says that a Game Day measured nothing, whatever was broken beside it.
func disturbed(records []evidence.GameDay) error {
	for _, r := range records {
		if r.KilledAt.IsZero() {
			return fmt.Errorf("%w: there was no kill: %s", errDisturbed, strings.Join(r.Reasons, "; "))
		}
		if starved := judge.Starved(r); starved != "" {
			return fmt.Errorf("%w: %s", errDisturbed, starved)
		}
	}
	return nil
}

// calm waits until a Game Day may begin: a service needs a moment after the one before.
func (s *Site) calm(ctx context.Context, day *gameday.Site) error {
	for began := time.Now(); ; {
		_, err := day.May(ctx)
		if err == nil || time.Since(began) > calmWithin || !sleep(ctx, time.Second) {
			return err
		}
	}
}

// whole waits until the service has all its pods again.
func (s *Site) whole(ctx context.Context, day *gameday.Site) error {
	if err := s.retryPods(ctx); err != nil {
		return err
	}
	for {
		if _, err := day.AllReady(ctx); err == nil || !sleep(ctx, time.Second) {
			return err
		}
	}
}

// retryPods has the pods that were refused asked for at once, until they are there: left alone, the ReplicaSet
// controller waits twice as long after each refusal. A change of the ReplicaSet wakes it.
func (s *Site) retryPods(ctx context.Context) error {
	sets := s.Cluster.Client.AppsV1().ReplicaSets(s.Service.Namespace)
	for {
		found, err := sets.List(
			ctx,
			metav1.ListOptions{
				LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Service.Selector}),
			},
		)
		if err != nil {
			return err
		}
		missing := 0
		for _, set := range found.Items {
			if set.Spec.Replicas == nil || set.Status.Replicas >= *set.Spec.Replicas {
				continue
			}
			missing++
			for _, value := range []string{`"now"`, `null`} {
				patch := `{"metadata":{"annotations":{"opex-sabotage/retry":` + value + `}}}`
				if _, err := sets.Patch(ctx, set.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
					return err
				}
			}
		}
		if missing == 0 {
			return nil
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d ReplicaSets miss pods: %w", missing, ctx.Err())
		}
	}
}

// watch closes the channel as soon as a pod of the service goes, of those that were there: that is the kill, and the
// experiment is there some time before it.
func (s *Site) watch(ctx context.Context, killed chan<- struct{}) {
	var before []string
	for {
		now, err := s.pods(ctx)
		switch {
		case err != nil:
		case before == nil:
			before = now
		case slices.ContainsFunc(before, func(name string) bool { return !slices.Contains(now, name) }):
			close(killed)
			return
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return
		}
	}
}

// errDisturbed marks a Game Day that something else than its breach went wrong with: it is held again.
var errDisturbed = errors.New("no clean Game Day")

// atKill does something once, as soon as a pod is killed.
func atKill(do func(ctx context.Context, s *Site) error) func(context.Context, *Site, <-chan struct{}) error {
	return func(ctx context.Context, s *Site, killed <-chan struct{}) error {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: there was no kill", errDisturbed)
		case <-killed:
			return do(ctx, s)
		}
	}
}

// quotaWhile keeps the killed pod's successor from being made until the objective is past.
func quotaWhile(ctx context.Context, s *Site, killed <-chan struct{}) error {
	objective, err := time.ParseDuration(s.Service.Chaos.Recovery)
	if err != nil {
		return err
	}
	const name = "opex-sabotage"
	if err := s.create(ctx, quotas, s.Service.Namespace, map[string]any{"apiVersion": "v1", "kind": "ResourceQuota",
		"metadata": map[string]any{"name": name}, "spec": map[string]any{"hard": map[string]any{"pods": "0"}}}); err != nil {
		return err
	}
	return atKill(func(ctx context.Context, s *Site) error {
		if !sleep(ctx, objective+time.Second) {
			return ctx.Err() // it is put back with the rest
		}
		if err := s.Cluster.Client.CoreV1().ResourceQuotas(s.Service.Namespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		return s.retryPods(ctx)
	})(ctx, s, killed)
}

// flap makes the killed pod's successor unready whenever it is ready, from the first time on and until the objective is
// past. The kubelet puts the truth back by itself.
func flap(ctx context.Context, s *Site, killed <-chan struct{}) error {
	objective, err := time.ParseDuration(s.Service.Chaos.Recovery)
	if err != nil {
		return err
	}
	before, err := s.pods(ctx)
	if err != nil {
		return err
	}
	return atKill(func(ctx context.Context, s *Site) error {
		api, times := s.Cluster.Client.CoreV1().Pods(s.Service.Namespace), 0
		for began := time.Now(); time.Since(began) < objective+time.Second; {
			found, err := api.List(
				ctx,
				metav1.ListOptions{
					LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Service.Selector}),
				},
			)
			if err != nil {
				return err
			}
			for _, pod := range found.Items {
				if slices.Contains(before, pod.Name) || !pods.Ready(&pod) {
					continue
				}
				const unready = `{"status":{"conditions":[{"type":"Ready","status":"False","reason":"Sabotage"}]}}`
				if _, err := api.Patch(ctx, pod.Name, types.StrategicMergePatchType, []byte(unready), metav1.PatchOptions{}, "status"); err != nil {
					return err
				}
				times++
			}
			if !sleep(ctx, 200*time.Millisecond) {
				return ctx.Err()
			}
		}
		if times == 0 {
			return errors.New("the replacement was never ready")
		}
		return nil
	})(ctx, s, killed)
}

// killAnother deletes one of the service's pods that the experiment has not taken.
func killAnother(ctx context.Context, s *Site) error {
	pod, err := s.pod(ctx)
	if err != nil {
		return err
	}
	none := int64(0)
	return s.Cluster.Client.CoreV1().
		Pods(s.Service.Namespace).
		Delete(ctx, pod, metav1.DeleteOptions{GracePeriodSeconds: &none})
}

// endGenerator deletes the load generator's pod, as the drain of its node does. It deletes what it wrote before it
// goes.
func endGenerator(ctx context.Context, s *Site) error {
	return s.Cluster.Client.CoreV1().Pods(s.Outputs.Chaos.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: generator.Selector})
}

// What is sent to the database. Both end by themselves, also when the connection is lost, and leave nothing.
const (
	// Connections that are cut one by one for a moment: whoever waits for an answer gets none.
	cutConnections = `SELECT pg_sleep(` + cutAfter + `);
		DO $$ DECLARE until timestamptz := clock_timestamp() + interval '` + cutFor + ` s'; BEGIN
		WHILE clock_timestamp() < until LOOP
			PERFORM pg_stat_clear_snapshot();
			PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
			PERFORM pg_sleep(0.005);
		END LOOP; END $$;`
	lockTables = lock + lockedFor + `); END $$;`
	silence    = `SELECT pg_sleep(` + cutAfter + `); ` + lock + silentFor + `); END $$;`
	lock       = `DO $$ DECLARE it text; BEGIN
		FOR it IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') LOOP
			EXECUTE 'LOCK TABLE ' || it || ' IN ACCESS EXCLUSIVE MODE';
		END LOOP; PERFORM pg_sleep(`
)

// inDatabase opens a session beforehand, since a recovery is short, and sends its statement at the kill.
func inDatabase(statement string) func(context.Context, *Site, <-chan struct{}) error {
	return func(ctx context.Context, s *Site, killed <-chan struct{}) error {
		database := s.Service.Database
		found, err := s.Cluster.Client.CoreV1().Pods(s.Service.Namespace).List(ctx, metav1.ListOptions{
			LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: database.Selector}),
			FieldSelector: "status.phase=Running"})
		if err != nil {
			return err
		}
		if len(found.Items) == 0 || s.Service.Backup == nil || s.Service.Backup.Dump == nil {
			return errors.New("the database has no running pod, or no hooks to connect by")
		}
		connect := path.Join(path.Dir(s.Service.Backup.Dump.Load[0]), "connect.sh")
		statements, send := io.Pipe()
		sent := make(chan error, 1)
		go func() {
			sent <- atKill(func(context.Context, *Site) error {
				_, err := io.WriteString(send, statement+"\n")
				return err
			})(ctx, s, killed)
			_ = send.Close()
		}()
		_, said, err := s.Cluster.Exec(ctx, s.Service.Namespace, found.Items[0].Name, database.Container,
			[]string{"bash", "-c", ". " + connect + "; query"}, statements)
		_ = statements.Close() // nobody reads any more
		if err != nil {
			return fmt.Errorf("in the database: %w: %s", err, strings.TrimSpace(said))
		}
		return <-sent
	}
}
