package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// TestCostAndSize is one story, on a new cluster under light load: the criteria turn green by themselves, and each of
// three wrongs turns exactly its own red.
func TestCostAndSize(t *testing.T) {
	must(t, "clean")
	must(t, "up", "--no-deploy")
	in(t, "pulumi", "config", "set", "--path", "opex:exporter.enabled", "true")
	must(t, "up")
	t.Cleanup(func() { _, _ = sandbox(context.Background(), "clean") })
	load, stop := context.WithCancel(t.Context())
	defer stop()
	go lightLoad(load)

	for _, step := range []struct {
		promise string
		check   func(*testing.T)
	}{
		{"all three criteria pass within five minutes of up", criteriaPass},
		{"costs are the prices times the hours", costsAddUp},
		{"rules and scrapes work in Prometheus", prometheusWorks},
		// OpenCost needs minutes before costs can be compared: what stands on nothing else goes first.
		{"Prometheus has the verdicts that opex verify gives", verdictsReachPrometheus},
		{"costs that went up are explained by what drove them", costsAreExplained},
		{"the stack file's patch is one that Pulumi takes", patchIsTaken},
	} {
		if !t.Run(step.promise, step.check) {
			t.Fatal("the steps after this one stand on it")
		}
	}
}

// lightLoad reads and writes now and then until the context ends.
func lightLoad(ctx context.Context) {
	client := http.Client{Timeout: 5 * time.Second}
	for ctx.Err() == nil {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			request, err := http.NewRequestWithContext(
				ctx, method, "http://"+door+"/tasks", strings.NewReader(`{"title": "load"}`),
			)
			if err != nil {
				return
			}
			request.Host = host
			request.Header.Set("Content-Type", "application/json")
			if answer, err := client.Do(request); err == nil {
				answer.Body.Close()
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// opex runs the command in the sandbox's environment and returns its standard output and its exit code.
func opex(t *testing.T, args ...string) (string, int) {
	t.Helper()
	command := exec.CommandContext(
		t.Context(),
		filepath.Join(repo(), ".sandbox", "bin", "sandbox"),
		append(
			[]string{"--repo", repo(), "--stack", "staging", "--instance", instance, "exec", "--", "opex"},
			args...)...)
	command.Dir = repo()
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("opex %v: %v", args, err)
	}
	if said.Len() > 0 {
		t.Logf("opex %s: %s", strings.Join(args, " "), said.String())
	}
	return string(out), command.ProcessState.ExitCode()
}

func criteriaPass(t *testing.T) {
	start := time.Now()
	out, code := opex(t, "verify", "--only=SC-001,SC-002,SC-003", "--wait=5m")
	if code != 0 {
		t.Fatalf("exit code %d after %s:\n%s", code, time.Since(start), out)
	}
	t.Logf("all pass %s after up\n%s", time.Since(start).Round(time.Second), out)
}

// costsAddUp holds the team's money against the hours that OpenCost counts and the sandbox's prices.
func costsAddUp(t *testing.T) {
	var outputs struct {
		Cost struct {
			Prices struct{ CPUHour, MemoryGiBHour float64 }
		}
	}
	if err := json.Unmarshal([]byte(in(t, "pulumi", "stack", "output", "--json")), &outputs); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data []map[string]struct{ CPUCoreHours, CPUCost, RAMByteHours, RAMCost, TotalCost float64 }
	}
	raw := in(
		t, "kubectl", "get", "--raw",
		"/api/v1/namespaces/opencost/services/http:opencost:9003/proxy/allocation?window=60m&resolution=1m&aggregate=label:team&accumulate=true",
	)
	if err := json.Unmarshal([]byte(raw), &answer); err != nil || len(answer.Data) != 1 {
		t.Fatalf("OpenCost answers %s: %v", raw, err)
	}
	team, prices := answer.Data[0]["product-team"], outputs.Cost.Prices
	const gib = 1 << 30
	for what, pair := range map[string][2]float64{
		"cpu":    {team.CPUCost, team.CPUCoreHours * prices.CPUHour},
		"memory": {team.RAMCost, team.RAMByteHours / gib * prices.MemoryGiBHour},
	} {
		// OpenCost prints five decimals of money.
		if pair[1] <= 0 || math.Abs(pair[0]-pair[1]) > 0.05*pair[1]+0.00002 {
			t.Errorf("%s costs %g, but its hours at the price are %g", what, pair[0], pair[1])
		}
	}
}

// prometheus asks its API.
func prometheus(t *testing.T, path string) []byte {
	t.Helper()
	return []byte(
		in(
			t, "kubectl", "get", "--raw",
			"/api/v1/namespaces/prometheus-system/services/http:prometheus-server:80/proxy/api/v1/"+path,
		),
	)
}

func prometheusWorks(t *testing.T) {
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	// What was not evaluated or scraped yet is "unknown", and a busy machine misses a scrape now and then.
	eventually(t, 2*time.Minute, func() error {
		if err := json.Unmarshal(prometheus(t, "rules"), &rules); err != nil {
			return err
		}
		seen := 0
		for _, group := range rules.Data.Groups {
			for _, rule := range group.Rules {
				seen++
				if rule.Health != "ok" {
					return fmt.Errorf("rule %s is %s: %s", rule.Name, rule.Health, rule.LastError)
				}
			}
		}
		if seen < 7 {
			return fmt.Errorf("Prometheus knows %d rules, want 7 or more", seen)
		}
		return nil
	})
	var targets struct {
		Data struct {
			ActiveTargets []struct {
				Health, LastError string
				Labels            struct{ Job string }
			}
		}
	}
	eventually(t, 2*time.Minute, func() error {
		if err := json.Unmarshal(prometheus(t, "targets"), &targets); err != nil {
			return err
		}
		jobs := map[string]int{}
		for _, target := range targets.Data.ActiveTargets {
			if jobs[target.Labels.Job]++; target.Health != "up" {
				return fmt.Errorf("target of %s is %s: %s", target.Labels.Job, target.Health, target.LastError)
			}
		}
		// Velero's node agent is no target: it would keep a Velero alive whose server is gone.
		const want = "map[kubernetes-nodes:1 kubernetes-nodes-cadvisor:1 opencost:1 opex-system/opex-exporter:1 " +
			"staging/task-api:3 velero/velero:1]"
		if fmt.Sprint(jobs) != want {
			return fmt.Errorf("targets are %v, want %s", jobs, want)
		}
		return nil
	})
	// Every query that the outputs hand to dashboards gives an answer, and those about money have series.
	var outputs struct {
		Dashboards map[string]struct{ Queries map[string]string }
	}
	if err := json.Unmarshal([]byte(in(t, "pulumi", "stack", "output", "--json")), &outputs); err != nil {
		t.Fatal(err)
	}
	if len(outputs.Dashboards["cost"].Queries) < 6 {
		t.Errorf("the outputs hold the queries %v", outputs.Dashboards)
	}
	queries := maps.Clone(outputs.Dashboards["cost"].Queries)
	// of the others there is nothing before a drill
	for _, title := range []string{"Criteria", "Criteria over time", "Last judged"} {
		queries[title] = outputs.Dashboards["proof"].Queries[title]
	}
	for title, query := range queries {
		eventually(t, 2*time.Minute, func() error { // rules are evaluated once a minute
			var result struct{ Data struct{ Result []any } }
			if err := json.Unmarshal(prometheus(t, "query?query="+url.QueryEscape(query)), &result); err != nil ||
				len(result.Data.Result) == 0 {
				return fmt.Errorf("%q has no series: %v", title, err)
			}
			return nil
		})
	}
}

// costsAreExplained gives the service two more pods and compares a minute after with a minute before. OpenCost counts
// by the minute, so a minute between the windows is left out.
func costsAreExplained(t *testing.T) {
	const window = time.Minute
	created := kubectl(t, "get", "deployment", "task-api", "--output=jsonpath={.metadata.creationTimestamp}")
	since, err := time.Parse(time.RFC3339, created)
	if err != nil {
		t.Fatal(err)
	}
	scaled := wholeMinute(t, since.Add(2*time.Minute))
	scale(t, namespace, "task-api", 5)
	kubectl(t, "rollout", "status", "--timeout=60s", "deployment/task-api")
	start := wholeMinute(t, time.Now().Truncate(time.Minute).Add(time.Minute)).Add(-window)
	time.Sleep(time.Until(start.Add(2 * window))) // what is measured is time itself

	span := func(from time.Time) string {
		return from.Format(time.RFC3339) + "," + from.Add(window).Format(time.RFC3339)
	}
	out, code := opex(
		t, "costs", "--by=service", "--window="+span(start), "--compare="+span(scaled.Add(-window)),
		"--format=markdown",
	)
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	drivers := out[strings.Index(out, "drove it"):]
	for _, want := range []string{"task-api", "replicas", "5", "3"} {
		if !strings.Contains(drivers, want) {
			t.Errorf("what drove it does not say %q:\n%s", want, out)
		}
	}
	t.Log(out)
	scale(t, namespace, "task-api", 3)
}

// wholeMinute waits for a minute that begins at a time or later and of which Prometheus has every scrape of OpenCost: a
// busy machine misses some, and money of that minute is missing too. It returns the minute's end.
func wholeMinute(t *testing.T, from time.Time) (end time.Time) {
	t.Helper()
	eventually(t, 6*time.Minute, func() error {
		end = time.Now().UTC().Truncate(time.Minute)
		if begin := end.Add(-time.Minute); begin.Before(from) {
			return fmt.Errorf("the last whole minute began at %s, want %s", begin, from)
		}
		const query = `min_over_time(up{job="opencost"}[2m]) == 1 and count_over_time(up{job="opencost"}[2m]) >= 4`
		var answer struct{ Data struct{ Result []any } }
		data := prometheus(t, "query?query="+url.QueryEscape(query)+"&time="+end.Format(time.RFC3339))
		if err := json.Unmarshal(data, &answer); err != nil {
			return err
		}
		if len(answer.Data.Result) == 0 {
			return fmt.Errorf("Prometheus missed a scrape of OpenCost in the two minutes before %s", end)
		}
		return nil
	})
	return end
}

// scale gives a deployment of an engine as many pods.
func scale(t *testing.T, namespace, deployment string, replicas int) {
	t.Helper()
	in(
		t, "kubectl", "--namespace="+namespace, "scale", "deployment/"+deployment,
		fmt.Sprintf("--replicas=%d", replicas),
	)
}

// patchIsTaken applies the patch to a copy of the stack file and previews with its services: the requests of both
// workloads change, and nothing else.
func patchIsTaken(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"Pulumi.yaml", "Pulumi.staging.yaml"} {
		content, err := os.ReadFile(filepath.Join(repo(), name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	patched := filepath.Join(folder, "Pulumi.staging.yaml")
	if out, code := opex(t, "rightsize", "--patch", "--write", "--stack-file="+patched); code != 0 ||
		!strings.Contains(out, "+") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}

	kept := readConfig(t, state("Pulumi.staging.yaml"))
	defer write(t, state("Pulumi.staging.yaml"), kept)
	config := maps.Clone(kept["config"].(map[string]any))
	config["opex:services"] = readConfig(t, patched)["config"].(map[string]any)["opex:services"]
	tried := maps.Clone(kept)
	tried["config"] = config
	write(t, state("Pulumi.staging.yaml"), tried)

	seen := 0
	for name, fields := range changes(t) {
		for _, field := range fields {
			if seen++; !strings.HasPrefix(field, "spec.template.spec.containers[0].resources.requests.") {
				t.Errorf("%s: %s would change", name, field)
			}
		}
	}
	if seen == 0 {
		t.Error("the patch changes nothing")
	}
}

// verdictsReachPrometheus is after a drill: with a backup there is a dump to look at, for which the exporter has its
// one right to do more than read.
func verdictsReachPrometheus(t *testing.T) {
	if out, code := drill(t); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	eventually(t, 4*time.Minute, func() error {
		out, _ := opex(t, "verify", "--format=json")
		var report struct {
			Services []struct {
				Criteria []struct{ ID, Verdict string }
			}
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Services) != 1 {
			return fmt.Errorf("opex verify prints %s: %v", out, err)
		}
		var answer struct {
			Data struct {
				Result []struct{ Metric struct{ ID, Verdict string } }
			}
		}
		if err := json.Unmarshal(prometheus(t, "query?query="+url.QueryEscape("opex_criterion == 1")), &answer); err != nil {
			return err
		}
		exported := map[string]string{}
		for _, r := range answer.Data.Result {
			exported[r.Metric.ID] = r.Metric.Verdict
		}
		pass := 0
		for _, c := range report.Services[0].Criteria {
			if exported[c.ID] != c.Verdict {
				return fmt.Errorf("%s is %s, and Prometheus has %q", c.ID, c.Verdict, exported[c.ID])
			}
			if c.Verdict == "PASS" {
				pass++
			}
		}
		if pass != 7 { // there was no Game Day
			return fmt.Errorf("%d of ten pass: %s", pass, out)
		}
		return nil
	})
}

func readConfig(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func write(t *testing.T, path string, file map[string]any) {
	t.Helper()
	data, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
