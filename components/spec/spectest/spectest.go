// Package spectest holds services that tests declare.
package spectest

import "github.com/opex-project/opex/components/spec"

// Shop is a valid service without a database.
func Shop() spec.Service {
	return spec.Service{
		Name: "shop", Image: "example.com/shop:1.0", Env: map[string]string{"B": "2", "A": "1"}, Labels: map[string]string{"tier": "gold"},
	}
}

// Till is a valid service with a database.
func Till() spec.Service {
	till := Shop()
	till.Name = "till"
	till.Database = &spec.Database{StorageClass: "fast"}
	return till
}
