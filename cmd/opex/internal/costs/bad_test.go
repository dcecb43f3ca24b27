package costs

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/internal/contract"
)

// getter changes answers on their way.
type getter func(path string, answer []byte) []byte

type changed struct {
	world  *world
	change getter
}

func (g getter) around(w *world) changed { return changed{w, g} }

func (c changed) Get(ctx context.Context, at contract.Endpoint, path string, query url.Values) ([]byte, error) {
	data, err := c.world.Get(ctx, at, path, query)
	return c.change(path, data), err
}

func TestBadAnswersAreErrorsThatNameWhoGaveThem(t *testing.T) {
	const opencost, prometheus = "/allocation", "/api/v1/query"
	cases := map[string]struct {
		path, answer string
		err          error
		want         []string
	}{
		"OpenCost not there": {
			opencost, "", fmt.Errorf("service opencost: %w: no endpoints", kube.ErrNoAnswer),
			[]string{"OpenCost: service opencost", "no endpoints"},
		},
		"OpenCost slow": {
			opencost, "", context.DeadlineExceeded, []string{"OpenCost:", "deadline exceeded"},
		},
		"OpenCost half JSON": {
			opencost, `{"code":200,"data":[{"a`, nil, []string{"OpenCost:", "not the JSON of an allocation"},
		},
		"OpenCost a web page": {opencost, `<html>`, nil, []string{"OpenCost:", "<html>"}},
		"OpenCost empty body": {opencost, ``, nil, []string{"OpenCost:", "not the JSON"}},
		"OpenCost refuses": {
			opencost, `{"code":400,"message":"bad window"}`, nil, []string{"code 400: bad window"},
		},
		"OpenCost has no data": {
			opencost, `{"code":200,"data":[]}`, nil, []string{"OpenCost knows no allocation", "two minutes"},
		},
		"OpenCost null data": {
			opencost, `{"code":200,"data":null}`, nil, []string{"OpenCost knows no allocation"},
		},
		"OpenCost null set": {
			opencost, `{"code":200,"data":[null]}`, nil, []string{"OpenCost knows no allocation"},
		},
		"OpenCost null allocation": {opencost, `{"code":200,"data":[{"x":null}]}`, nil, []string{`"x" is null`}},
		"OpenCost before it has data": {
			opencost, `{"code":200,"data":[{"__unallocated__":{"minutes":60,"totalCost":0}}]}`, nil,
			[]string{"OpenCost knows no allocation"},
		},
		"OpenCost data without cost": {
			opencost,
			`{"code":200,"data":[{"n/c/p/t/a/e/c":{"minutes":60,"start":"2026-11-20T11:00:00Z","end":"2026-11-20T12:00:00Z"}}]}`,
			nil, []string{"OpenCost knows no allocation"},
		},
		"OpenCost another key": {
			opencost, `{"code":200,"data":[{"team-a":{"minutes":60,"totalCost":1}}]}`, nil,
			[]string{`"team-a" has 1 parts, want 7`},
		},
		"OpenCost negative": {
			opencost, `{"code":200,"data":[{"n/c/p/t/a/e/c":{"minutes":60,"totalCost":-1}}]}`, nil,
			[]string{"which cannot be"},
		},
		"Prometheus not there": {
			prometheus, "", fmt.Errorf("service prometheus-server: %w: no endpoints", kube.ErrNoAnswer),
			[]string{"Prometheus: service prometheus-server"},
		},
		"Prometheus slow": {
			prometheus, "", context.DeadlineExceeded, []string{"Prometheus:", "deadline exceeded"},
		},
		"Prometheus half JSON": {
			prometheus, `{"status":"succ`, nil, []string{"Prometheus:", "not the JSON of an instant vector"},
		},
		"Prometheus a web page": {prometheus, `Bad Gateway`, nil, []string{"Prometheus:", "Bad Gateway"}},
		"Prometheus fails": {
			prometheus, `{"status":"error","error":"query timed out"}`, nil,
			[]string{`status "error": query timed out`},
		},
		"Prometheus gives no number": {
			prometheus, `{"status":"success","data":{"result":[{"metric":{},"value":[0,"x"]}]}}`, nil,
			[]string{"which is no number"},
		},
		"Prometheus gives NaN": {
			prometheus, `{"status":"success","data":{"result":[{"metric":{},"value":[0,"NaN"]}]}}`, nil,
			[]string{"which is no number"},
		},
		"Prometheus gives no pair": {
			prometheus, `{"status":"success","data":{"result":[{"metric":{}}]}}`, nil, []string{"which is no number"},
		},
		"Prometheus answers a scalar": {
			prometheus, `{"status":"success","data":{"result":[0,"1"]}}`, nil,
			[]string{"not the JSON of an instant vector"},
		},
		"Prometheus answers with nobody": {prometheus, ``, nil, []string{"Prometheus:", "not the JSON"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(taskAPI)
			w.answer = func(path string) ([]byte, bool, error) { return []byte(c.answer), path == c.path, c.err }
			report, err := w.source().Report(t.Context(), "team", lastHours(24), nil)
			if err == nil {
				t.Fatalf("report %+v", report)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in\n%v", want, err)
				}
			}
		})
	}
}

func TestAWindowBeforeWithoutDataIsAnError(t *testing.T) {
	before := lastHours(24).Previous()
	_, err := changing(nil, []load{taskAPI}).source().Report(t.Context(), "team", lastHours(24), &before)
	if err == nil ||
		!strings.Contains(
			err.Error(), "the window to compare with: OpenCost knows no allocation from 2026-11-18 12:00",
		) {
		t.Errorf("error is %v", err)
	}
}
