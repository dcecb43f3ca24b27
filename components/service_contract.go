package components

import (
	"fmt"

	"github.com/opex-project/opex/internal/contract"
)

// contract tells where the service is.
func (s ServiceSpec) contract(namespace string, l labels) contract.Service {
	url := fmt.Sprintf("http://%s.%s.svc.cluster.local:%d", s.Name, namespace, s.Port)
	service := contract.Service{
		Namespace: namespace, URL: url, HealthURL: url + s.HealthPath,
		Deployment: s.Name, Container: s.Name, Replicas: s.Replicas,
		Labels: l.cost.Map(), Selector: l.identity(componentAPI),
	}
	if s.Database != nil {
		service.Database = &contract.Database{
			StatefulSet: s.databaseName(), Container: databaseContainer,
			Host: s.databaseName() + "." + namespace + ".svc.cluster.local", Port: postgresPort,
			Name: s.databaseUser(), User: s.databaseUser(),
			DumpPath: dumpPath, DumpVolume: dumpVolume, Selector: l.identity(componentDatabase),
		}
	}
	return service
}
