package pulumitest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/protobuf/types/known/structpb"
)

// Masked stands in place of a secret's value.
const Masked = "[secret]"

// Record is what a program did.
type Record struct {
	Resources     []Resource        // in the order of their registration; those without dependencies may swap
	Outputs       map[string]any    // of the stack, secrets masked
	SecretOutputs map[string]string // by path, as JSON
	Messages      []string          // the log, as `SEVERITY: text`
}

// Resource is one registration or read.
type Resource struct {
	URN, Type, Name, Parent, Provider string
	Protect, Read                     bool
	DependsOn                         []string          // URNs
	IgnoreChanges                     []string          // paths of inputs
	Inputs                            map[string]any    // secrets masked
	Secrets                           map[string]string // by path, as JSON
}

// Find returns the only resource of a name; it panics where there is none, since the test can't go on.
func (r *Record) Find(name string) Resource {
	for _, found := range r.Resources {
		if found.Name == name {
			return found
		}
	}
	panic("pulumitest: no resource is named " + name)
}

// Sorted returns the resources by URN, the same for every run.
func (r *Record) Sorted() []Resource {
	sorted := slices.Clone(r.Resources)
	slices.SortFunc(sorted, func(a, b Resource) int { return strings.Compare(a.URN, b.URN) })
	return sorted
}

// Clear is all that is not secret, as text: what would be readable in a state file, a log or a terminal.
func (r *Record) Clear() string {
	masked := *r
	masked.SecretOutputs = nil
	masked.Resources = slices.Clone(r.Resources)
	for i := range masked.Resources {
		masked.Resources[i].Secrets = nil
	}
	text, err := json.Marshal(masked)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(text)
}

// plain turns what goes over the wire into plain maps, with secrets masked and put aside.
func plain(object *structpb.Struct) (map[string]any, map[string]string, error) {
	properties, err := plugin.UnmarshalProperties(
		object, plugin.MarshalOptions{KeepSecrets: true, KeepUnknowns: true, KeepResources: true},
	)
	if err != nil {
		return nil, nil, err
	}
	secrets := map[string]string{}
	values := strip("", resource.NewProperty(properties), secrets)
	return values.(map[string]any), secrets, nil
}

func strip(path string, value resource.PropertyValue, secrets map[string]string) any {
	switch {
	case value.IsSecret():
		text, err := json.Marshal(value.SecretValue().Element.Mappable())
		if err != nil {
			panic(err) // it came over the wire
		}
		secrets[path] = string(text)
		return Masked
	case value.IsComputed():
		return "[unknown]"
	case value.IsObject():
		stripped := map[string]any{}
		for key, element := range value.ObjectValue() {
			stripped[string(key)] = strip(strings.TrimPrefix(path+"."+string(key), "."), element, secrets)
		}
		return stripped
	case value.IsArray():
		stripped := []any{}
		for i, element := range value.ArrayValue() {
			stripped = append(stripped, strip(path+"["+strconv.Itoa(i)+"]", element, secrets))
		}
		return stripped
	default:
		return value.Mappable()
	}
}
