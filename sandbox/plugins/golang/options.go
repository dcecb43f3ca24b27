package golang

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// options are those of `runtime.options` in Pulumi.yaml.
type options struct {
	binary      string // a compiled program to run, a path or a name on the PATH; nothing is built
	buildTarget string // where to write the compiled program; the default is a cache folder
}

// parseOptions reads runtime.options strictly, and reports all problems at once. The official plugin ignores a key it
// does not know; a misspelt one would then silently do nothing, so it is refused here.
func parseOptions(raw map[string]any) (options, error) {
	var o options
	known := map[string]*string{"binary": &o.binary, "buildTarget": &o.buildTarget}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		field, ok := known[key]
		if !ok {
			problems = append(problems, fmt.Errorf("%s is not an option: allowed are binary, buildTarget", key))
			continue
		}
		text, ok := raw[key].(string)
		if !ok {
			problems = append(problems, fmt.Errorf("%s must be a string, not %T", key, raw[key]))
			continue
		}
		*field = text
	}
	if o.binary != "" && o.buildTarget != "" {
		problems = append(problems, errors.New("binary and buildTarget exclude each other: "+
			"binary runs a compiled program, buildTarget says where to compile it to"))
	}
	if len(problems) > 0 {
		return options{}, fmt.Errorf("Pulumi.yaml, runtime.options: %w", errors.Join(problems...))
	}
	return o, nil
}
