package cost

import (
	"fmt"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
)

func urlOf(s spec.Service, namespace string) string {
	return fmt.Sprintf("http://%s.%s.svc.cluster.local:%d", s.Name, namespace, s.Port)
}

// Contract says where a service is, for stack outputs. Its defaults must be set.
func Contract(s spec.Service, environment, namespace string) contract.Service {
	labels, url := platform.LabelsOf(s, environment), urlOf(s, namespace)
	service := contract.Service{
		Namespace: namespace, URL: url, HealthURL: url + s.HealthPath,
		Deployment: s.Name, Container: s.Name, Replicas: s.Replicas,
		Labels: labels.Cost(), Selector: labels.Identity(platform.ComponentAPI),
	}
	if s.Database != nil {
		service.Database = &contract.Database{
			StatefulSet: s.DatabaseName(), Container: backup.DatabaseContainer,
			Host: s.DatabaseName() + "." + namespace + ".svc.cluster.local", Port: postgresPort,
			Name: s.DatabaseUser(), User: s.DatabaseUser(),
			DumpPath: backup.DumpPath, DumpVolume: backup.DumpVolume, Selector: labels.Identity(platform.ComponentDatabase),
		}
	}
	return service
}
