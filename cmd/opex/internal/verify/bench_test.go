package verify

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

// inContainer is about what it takes to start a command in a container and to read a small dump there.
const inContainer = 150 * time.Millisecond

// BenchmarkCriteria judges all ten criteria of so many services, each with objects of its own, within the limits of the
// command's own client, on an API server that answers at once.
func BenchmarkCriteria(b *testing.B) {
	for _, c := range []struct {
		services int
		promised time.Duration
	}{{1, 2 * time.Second}, {100, 10 * time.Second}} {
		services, promised := c.services, c.promised
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			scene, o := several(b, services)
			for path, answer := range scene {
				if strings.HasSuffix(path, "/exec") {
					said := answer.(map[string]any)["stdout"].(string)
					scene[path] = kubetest.Command(func(_ io.Reader, out, _ io.Writer) int {
						time.Sleep(inContainer)
						_, _ = io.WriteString(out, said)
						return 0
					})
				}
			}
			unlimited, asked := scene.Serve(b)
			for b.Loop() {
				config := rest.CopyConfig(unlimited.Config) // a new client each time, as a new process has
				kube.Limit(config)
				cluster, err := kube.On(config)
				if err != nil {
					b.Fatal(err)
				}
				report := Run(b.Context(), &World{Outputs: o, Cluster: cluster, Now: noon}, Criteria, o.Names())
				if n := report.Count(Pass); n != services*len(Criteria) {
					b.Fatalf("%d of %d passed", n, services*len(Criteria))
				}
			}
			b.ReportMetric(float64(asked.Count())/float64(b.N), "requests/op")
			b.ReportMetric(float64(asked.Execs())/float64(b.N), "commands/op")
			if took := b.Elapsed() / time.Duration(b.N); took > promised {
				b.Errorf("%d services took %s, promised are %s", services, took, promised)
			}
		})
	}
}
