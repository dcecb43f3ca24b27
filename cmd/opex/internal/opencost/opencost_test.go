package opencost

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/internal/contract"
)

// answer is a cluster in which everybody says the same; it notes what was asked.
type answer struct {
	body  string
	err   error
	at    contract.Endpoint
	path  string
	query url.Values
}

func (a *answer) Get(_ context.Context, at contract.Endpoint, path string, query url.Values) ([]byte, error) {
	a.at, a.path, a.query = at, path, query
	return []byte(a.body), a.err
}

var (
	endpoint = contract.Endpoint{Namespace: "opencost", Service: "opencost", Port: 9003}
	end      = time.Date(2026, 11, 20, 12, 0, 0, 0, time.FixedZone("", 3600))
)

func question() Query {
	return Query{Start: end.Add(-time.Hour), End: end, Aggregate: []string{"namespace", "label:team"}, Idle: true}
}

func TestTheQuestionIsAskedAtTheFinestResolution(t *testing.T) {
	a := &answer{
		body: `{"code":200,"data":[{"staging/product":{"name":"staging/product","minutes":60,"cpuCost":1.5,"totalCost":2}}]}`,
	}
	got, err := Allocations(t.Context(), a, endpoint, question())
	if err != nil || len(got) != 1 || got["staging/product"].CPUCost != 1.5 || got["staging/product"].TotalCost != 2 {
		t.Errorf("answer %+v, error %v", got, err)
	}
	want := url.Values{
		"window": {
			"2026-11-20T10:00:00Z,2026-11-20T11:00:00Z",
		}, "resolution": {"1m"}, "aggregate": {"namespace,label:team"},
		"accumulate": {"true"}, "includeIdle": {"true"},
	}
	if a.at != endpoint || a.path != "/allocation" || a.query.Encode() != want.Encode() {
		t.Errorf("asked %v at %s%s", a.query, a.at.Service, a.path)
	}
}

func TestAnswersThatCannotBeTrustedAreRefused(t *testing.T) {
	cases := map[string]struct {
		body string
		err  error
		says string
	}{
		"no answer":        {"", errors.New("no endpoints"), "OpenCost: no endpoints"},
		"nothing":          {"", nil, "not the JSON of an allocation"},
		"a web page":       {"<html>504</html>", nil, `it starts with "<html>504</html>"`},
		"half JSON":        {`{"code":200,"data":[{"a":{"totalCo`, nil, "unexpected end of JSON input"},
		"another type":     {`{"code":200,"data":{"a":{}}}`, nil, "not the JSON of an allocation"},
		"a list":           {`[]`, nil, "not the JSON of an allocation"},
		"no code":          {`{}`, nil, "code 0"},
		"a failure":        {`{"code":500,"message":"boundary error"}`, nil, "code 500: boundary error"},
		"two sets":         {`{"code":200,"data":[{},{}]}`, nil, "2 sets in the answer"},
		"a null":           {`{"code":200,"data":[{"a":null}]}`, nil, `"a" is null`},
		"a negative cost":  {`{"code":200,"data":[{"a":{"totalCost":-1}}]}`, nil, "which cannot be"},
		"negative minutes": {`{"code":200,"data":[{"a":{"minutes":-1}}]}`, nil, "which cannot be"},
		"a cost out of bounds": {
			`{"code":200,"data":[{"a":{"totalCost":1e999}}]}`, nil, "not the JSON of an allocation",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Allocations(t.Context(), &answer{body: c.body, err: c.err}, endpoint, question())
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "OpenCost: ") {
				t.Errorf("answer %v, error %v; want one that says %q", got, err, c.says)
			}
		})
	}
}

func TestEmptyAnswersAreForTheAskerToJudge(t *testing.T) {
	for _, body := range []string{`{"code":200,"data":[]}`, `{"code":200,"data":null}`, `{"code":200,"data":[null]}`, `{"code":200,"data":[{}]}`} {
		if got, err := Allocations(t.Context(), &answer{body: body}, endpoint, question()); err != nil || got == nil ||
			len(got) != 0 {
			t.Errorf("%s: answer %v, error %v", body, got, err)
		}
	}
}

func TestIdleMoneyMayBeBelowNothing(t *testing.T) {
	got, err := Allocations(
		t.Context(), &answer{body: `{"code":200,"data":[{"__idle__":{"totalCost":-0.1}}]}`}, endpoint, question(),
	)
	if err != nil || got[Idle].TotalCost != -0.1 {
		t.Errorf("answer %v, error %v", got, err)
	}
}

func TestWindowsShorterThanTheResolutionAreNotAsked(t *testing.T) {
	for _, start := range []time.Time{end, end.Add(time.Hour), end.Add(-59 * time.Second)} {
		a := &answer{}
		if _, err := Allocations(t.Context(), a, endpoint, Query{Start: start, End: end}); err == nil || a.path != "" {
			t.Errorf("start %s: error %v, asked %q", start, err, a.path)
		}
	}
}
