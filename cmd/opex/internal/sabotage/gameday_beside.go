package sabotage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opex-project/opex/cmd/opex/internal/generator"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
)

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
	lockTables = `SELECT pg_sleep(` + lockAfter + `); ` + lock + lockedFor + `); END $$;`
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
