package sabotage

import (
	"context"
	"math"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
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
