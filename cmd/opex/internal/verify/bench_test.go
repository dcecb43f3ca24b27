package verify

import (
	"fmt"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

// BenchmarkCriteria judges all ten criteria of so many services on an API server that answers at once: promised are 2 s for one and 10 s for a hundred.
func BenchmarkCriteria(b *testing.B) {
	for _, services := range []int{1, 100} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			o := outputs()
			for i := 1; i < services; i++ {
				o.Services[fmt.Sprintf("copy-%d", i)] = o.Services["task-api"]
			}
			cluster, asked := kubetest.Load(b, "testdata/cluster.yaml").Serve(b)
			for b.Loop() {
				Run(b.Context(), &World{Outputs: o, Cluster: cluster, Now: noon}, Criteria, o.Names())
			}
			b.ReportMetric(float64(asked.Count())/float64(b.N), "requests/op")
		})
	}
}
