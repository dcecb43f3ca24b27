package boot

import "testing"

func TestServiceOfReadsPortServiceAndNamespace(t *testing.T) {
	got, err := serviceOf("8000.task-api.staging.localhost:16080")
	if err != nil || got.String() != "http://task-api.staging.svc.cluster.local:8000" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestServiceOfRefusesOtherHosts(t *testing.T) {
	for _, host := range []string{"", "localhost", "127.0.0.1:16080", "task-api.staging.localhost", "a.b.c.d.localhost", "8000.task-api.staging.example"} {
		if got, err := serviceOf(host); err == nil {
			t.Errorf("%q was read as %v", host, got)
		}
	}
}
