package gameday

import (
	"io"
	"testing"
	"time"
)

func TestThePlanOfAGameDayIsOneThatTheGeneratorTakes(t *testing.T) {
	cluster, _ := orderly().Serve(t)
	s, err := Open(cluster, shop(), "shop", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"the service's own rate": {Steady: 10 * time.Second, After: 11 * time.Second},
		"a rate by flag":         {Steady: 10 * time.Second, After: 11 * time.Second, Rate: 500},
	} {
		if err := s.plan(o).Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The proof of a backup reads its dump in the database's pod: right before a kill, clients would miss that CPU.
func TestTheBackupIsNotReadAgainRightBeforeAKill(t *testing.T) {
	cluster, _ := orderly().Serve(t)
	s, err := Open(cluster, shop(), "shop", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.interlock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, _, problems := s.conditions(t.Context())
	if len(problems) > 0 || len(again) != len(before)-1 || before[len(again)].Name != "backup" {
		t.Errorf("before: %v; right before the kill: %v, problems %v", before, again, problems)
	}
}
