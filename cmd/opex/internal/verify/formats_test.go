package verify

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
)

func TestCodeScanningGetsWhatIsNoPass(t *testing.T) {
	for name, c := range map[string]struct {
		change change
		want   []string // level, fingerprint
	}{
		"all pass":      {nil, nil},
		"a failure":     {with(podsOf, "items.1.metadata.labels.team", "other"), []string{"error task-api/SC-001"}},
		"not looked at": {answer(podsOf, http.StatusForbidden), []string{"warning task-api/SC-001", "warning task-api/SC-004", "warning task-api/SC-006"}},
		"no concern": {func(_ *testing.T, s scene) {
			service := s.outputs.Services["task-api"]
			service.Chaos, service.NoChaos = nil, "one replica"
			s.outputs.Services["task-api"] = service
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(t, Criteria, c.change).Write(&out, "sarif"); err != nil {
				t.Fatal(err)
			}
			var log struct {
				Runs []struct {
					Results []struct {
						Level               string
						PartialFingerprints map[string]string
					}
				}
			}
			if err := json.Unmarshal(out.Bytes(), &log); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range log.Runs[0].Results {
				got = append(got, r.Level+" "+r.PartialFingerprints["opex/v1"])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
