package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

var restoreInTime = Criterion{
	ID:     "SC-007",
	Title:  "A restore was tried, and is quick enough",
	Target: "the newest drill, not older than agreed, brought every row back and gave a correct answer within the RTO, with data no older than the RPO; no restore failed since",
	Why:    "A backup that was never restored is a hope. How long it takes is known only from the last time.",
	Check:  checkRestore,
}

func checkRestore(ctx context.Context, w *World, name string, service contract.Service) Result {
	plan, other := w.plan(service)
	if other != nil {
		return *other
	}
	again := "opex drill --service " + name
	records, err := w.records(ctx, name)
	if err != nil {
		return unproven(err.Error(), nextForRecords(err, again))
	}
	if len(records) == 0 {
		return unproven("no restore of the service was ever tried", again)
	}
	var passedOver []Fact
	latest := true // no record of this service was met yet
	for _, r := range records {
		why := w.foreign(r, name, plan)
		if why == "" && latest && r.Verdict != evidence.Proven {
			return fail(
				fmt.Sprintf("the newest %s, %s, failed: %s", r.Kind, w.ago(r.StartedAt), r.Reason),
				"Mend that, then "+again,
				append(passedOver, factsOf(r)...)...)
		}
		latest = latest && why != ""
		switch {
		case why != "":
		case r.Kind != evidence.KindDrill:
			why = "no drill"
		case r.Verdict == evidence.Proven && plan.Sentinel != nil && !r.Answer.Sentinel:
			why = "it asked for no record known from before"
		default:
			result := w.judgeDrill(plan, service, r, again)
			result.Evidence = append(passedOver, factsOf(r)...)
			return result
		}
		passedOver = append(passedOver, Fact{fmt.Sprintf("passed over: %s of %s", r.Kind, utc(r.StartedAt)), why})
	}
	return unproven(
		fmt.Sprintf("no drill counts: of the newest record, %s of %s, %s", records[0].Kind, utc(records[0].StartedAt),
			passedOver[0].Value),
		again,
		passedOver...)
}

// foreign says why a record is none of this service as it stands, or nothing.
func (w *World) foreign(r evidence.Record, name string, plan plan) string {
	for _, c := range []struct{ what, is, want string }{
		{"cluster", r.ClusterUID, w.Outputs.Cluster.UID}, {"environment", r.Environment, w.Outputs.Environment},
		{"service", r.Service, name}, {"Schedule", r.Backup.Schedule, plan.Schedule},
	} {
		if c.is != c.want {
			return fmt.Sprintf("its %s is %q, this one is %q", c.what, c.is, c.want)
		}
	}
	return ""
}

// judgeDrill judges a drill of this service, without the evidence.
func (w *World) judgeDrill(plan plan, service contract.Service, r evidence.Record, again string) Result {
	if r.Verdict != evidence.Proven {
		return fail(
			fmt.Sprintf("the newest drill, %s, failed: %s", w.ago(r.StartedAt), r.Reason), "Mend that, then "+again,
		)
	}
	if result := w.judgeMeasurement(plan, r, again); result.Verdict != Pass {
		return result
	}
	equal, unequal := r.EqualTables()
	took := r.RTO.Duration()
	switch {
	case took > plan.rto:
		return fail(
			fmt.Sprintf(
				"the newest drill took %s to the first correct answer, and the RTO is %s", span(took), exact(plan.rto),
			),
			"Its phases say where the time went",
		).measured(float64(r.RTO), "s", plan.rto.Seconds())
	case r.RPO.Duration() > plan.rpo:
		return fail(
			fmt.Sprintf(
				"the newest drill brought back data that was %s old, and the RPO is %s", span(r.RPO.Duration()),
				exact(plan.rpo),
			),
			"opex verify --only SC-004 shows why no newer backup was made; "+again,
		)
	case unequal > 0:
		return fail(
			fmt.Sprintf("in the newest drill %d of %d tables were not as dumped", unequal, equal+unequal), again,
		)
	case service.Database != nil && equal == 0:
		return unproven("the newest drill compared no table", again)
	}
	data := ""
	if service.Database != nil {
		data = fmt.Sprintf(", %d rows of %d tables equal", r.Rows(), equal)
	}
	return pass(
		fmt.Sprintf("%s of %s, %s%s", span(took), exact(plan.rto), w.ago(r.StartedAt), data),
	).measured(float64(r.RTO), "s", plan.rto.Seconds())
}

// judgeMeasurement judges whether what a drill measured can be relied on now.
func (w *World) judgeMeasurement(plan plan, r evidence.Record, again string) Result {
	age, took := w.Now.Sub(r.StartedAt), r.RTO.Duration()
	switch {
	case age < -slack:
		return unproven(fmt.Sprintf("the newest drill is of %s, which cannot be", utc(r.StartedAt)),
			"Compare the clocks of this machine and of the one that drilled; "+again)
	case age > plan.drillAge:
		return unproven(
			fmt.Sprintf("the newest drill is %s old, want %s at most", span(age), exact(plan.drillAge)), again,
		)
	case took <= 0 || (r.AnsweredAt.Sub(r.DecidedAt)-took).Abs() > time.Second:
		return unproven(
			fmt.Sprintf(
				"the newest drill says that it took %s, from %s to %s", took, utc(r.DecidedAt), utc(r.AnsweredAt),
			),
			again,
		)
	case r.Answer.Path == "":
		return unproven("in the newest drill the restored service was asked for nothing", again)
	}
	return pass("")
}

// factsOf shows a record. A failed one may have come to no answer.
func factsOf(r evidence.Record) []Fact {
	answer := r.Answer.Path
	if r.Answer.Sentinel {
		answer += ", the record made before the backup"
	}
	var phases []string
	for _, p := range r.Phases {
		phases = append(phases, fmt.Sprintf("%s %s", p.Name, p.Took.Duration()))
	}
	facts := []Fact{
		{
			r.Kind + " " + utc(r.StartedAt),
			fmt.Sprintf("%s, into namespace %s, as ConfigMap %s", r.Verdict, r.Target, r.Name()),
		},
		{"backup", fmt.Sprintf("%s, %s old when it was restored", r.Backup.Name, r.Backup.Age.Duration())},
	}
	if !r.AnsweredAt.IsZero() {
		facts = append(
			facts,
			Fact{"time to the first correct answer", fmt.Sprintf("%s: %s", r.RTO.Duration(), strings.Join(phases,
				", "))},
			Fact{"data lost, at most", r.RPO.Duration().String()},
			Fact{"first correct answer", answer},
		)
	}
	for _, t := range r.Tables {
		facts = append(
			facts,
			Fact{"table " + t.Name, fmt.Sprintf("%d rows, checksum %s; restored %d, %s", t.Rows, t.Checksum,
				t.RestoredRows, t.RestoredChecksum)},
		)
	}
	return facts
}
