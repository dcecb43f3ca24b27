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
