package rightsize

import (
	"math"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
)

const day = `{"code":200,"data":[{"staging/task-api":{"minutes":1440,
	"totalCost":3,"cpuCost":2,"cpuCoreHours":20,"ramCost":1,"ramByteHours":53687091200}}]}`

func TestMoneyIsTheChangeOfAllPodsForAMonth(t *testing.T) {
	cloud := func(w kubetest.World, o *stack.Outputs) { o.Cost.Prices, w[openCost] = nil, day }
	cases := map[string]struct {
		change func(w kubetest.World, o *stack.Outputs)
		cpu    float64 // saved by the API's cpu: 105m of 3 pods
		memory float64 // of the API's memory: 384Mi of 3 pods
		from   string
	}{
		"the stack's prices": {
			func(kubetest.World, *stack.Outputs) {}, 0.105 * 3 * 730 * 0.04, 0.375 * 3 * 730 * 0.005, "the stack's own",
		},
		"free memory": {
			func(_ kubetest.World, o *stack.Outputs) { o.Cost.Prices.MemoryGiBHour = 0 }, 0.105 * 3 * 730 * 0.04, 0,
			"the stack's own",
		},
		"the cloud's prices": {cloud, 0.105 * 3 * 730 * 0.1, 0.375 * 3 * 730 * 0.02, "OpenCost's"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, outputs := newWorld(t), newOutputs()
			c.change(w, &outputs)
			report := advise(t, w, outputs)
			gotCPU := find(t, report, "task-api", cpu).SavedPerMonth
			gotMemory := find(t, report, "task-api", memory).SavedPerMonth
			if gotCPU == nil || gotMemory == nil || math.Abs(*gotCPU-c.cpu) > 1e-9 ||
				math.Abs(*gotMemory-c.memory) > 1e-9 {
				t.Fatalf("saved %v and %v, want %g and %g", gotCPU, gotMemory, c.cpu, c.memory)
			}
			added := find(t, report, "postgres", memory).SavedPerMonth
			if *added > 0 || math.Abs(*report.Services[0].SavedPerMonth-*gotCPU-*gotMemory-*added) > 1e-9 {
				t.Errorf("the service saves %g", *report.Services[0].SavedPerMonth)
			}
			if !strings.HasPrefix(report.Services[0].Prices, c.from) {
				t.Errorf("prices are %q", report.Services[0].Prices)
			}
		})
	}
}

func TestWithoutPricesResourcesAreShownWithoutMoneyAndWithTheReason(t *testing.T) {
	const nothing = "OpenCost knows no cost of this service"
	cases := map[string]struct{ answer, want string }{
		"no OpenCost":         {"", "no answer"},
		"half an answer":      {day[:90], "not the JSON of an allocation"},
		"garbage":             {"<html>", "not the JSON of an allocation"},
		"an empty answer":     {`{"code":200,"data":[{}]}`, nothing},
		"another service":     {strings.Replace(day, "staging/", "prod/", 1), nothing},
		"no hours":            {strings.Replace(day, `"cpuCoreHours":20`, `"cpuCoreHours":0`, 1), nothing},
		"hours that are free": {strings.Replace(day, `"ramCost":1`, `"ramCost":0`, 1), nothing},
		"cost is off":         {"off", "opex:cost.enabled"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, outputs := newWorld(t), newOutputs()
			outputs.Cost.Prices = nil
			switch c.answer {
			case "":
			case "off":
				outputs.Cost = nil
			default:
				w[openCost] = c.answer
			}
			report := advise(t, w, outputs)
			service := report.Services[0]
			if service.SavedPerMonth != nil || !strings.HasPrefix(service.Prices, "none: ") ||
				!strings.Contains(service.Prices, c.want) {
				t.Errorf("saved %v, prices are %q", service.SavedPerMonth, service.Prices)
			}
			raised := find(t, report, "postgres", memory)
			if report.Changes() != 3 || raised.SavedPerMonth != nil || !strings.HasPrefix(raised.Why, "buys safety") {
				t.Errorf("%d changes, and memory is to be raised because %q", report.Changes(), raised.Why)
			}
			if !strings.Contains(report.Summary(), "no prices") {
				t.Errorf("summary is %q", report.Summary())
			}
		})
	}
}
