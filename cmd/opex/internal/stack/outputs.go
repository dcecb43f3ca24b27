// Package stack reads what a stack publishes: its outputs, in the terms of the contract with the program.
package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/contract"
)

// Outputs are those of one stack.
type Outputs struct {
	Environment string                      `json:"environment"`
	Cluster     contract.Cluster            `json:"cluster"`
	Services    map[string]contract.Service `json:"services"`
	Cost        *contract.CostVisibility    `json:"cost"`   // nil: off in this stack
	Size        *contract.SizeAdvisor       `json:"size"`   // nil: off in this stack
	Backup      *contract.BackupVault       `json:"backup"` // nil: off in this stack
	Chaos       *contract.ChaosLab          `json:"chaos"`  // nil: off in this stack

	Dashboards map[string]contract.Dashboard `json:"dashboards"`
}

// Names returns the services' names, sorted.
func (o Outputs) Names() []string { return slices.Sorted(maps.Keys(o.Services)) }

// Source says where outputs come from. Its zero value asks Pulumi for those of the selected stack of the project in the
// working folder.
type Source struct {
	File  string // of `pulumi stack output --json`; "-" is standard input
	Stack string // for Pulumi; empty is the selected one
	Stdin io.Reader
}

// Load reads and checks outputs.
func (s Source) Load(ctx context.Context) (Outputs, error) {
	var data []byte
	var err error
	from := "the file " + s.File
	switch s.File {
	case "":
		from = "pulumi stack output"
		data, err = s.askPulumi(ctx)
	case "-":
		from = "standard input"
		data, err = io.ReadAll(s.Stdin)
	default:
		data, err = os.ReadFile(s.File)
	}
	if err != nil {
		return Outputs{}, fmt.Errorf("stack outputs: %w", err)
	}
	return Parse(data, from)
}

func (s Source) askPulumi(ctx context.Context) ([]byte, error) {
	args := []string{"stack", "output", "--json", "--non-interactive"}
	if s.Stack != "" {
		args = append(args, "--stack", s.Stack)
	}
	command := exec.CommandContext(ctx, "pulumi", args...)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New(
			"there is no pulumi on the PATH to ask. Run this where the stack lives, or give --outputs FILE",
		)
	}
	if err != nil {
		return nil, fmt.Errorf(
			"pulumi %s: %w\n%s\nRun this in the project's folder with a stack selected, or give --stack or --outputs",
			strings.Join(args, " "), err, strings.TrimSpace(said.String()),
		)
	}
	return out, nil
}

// Parse reads the JSON of `pulumi stack output --json`; from says in errors where it came from.
func Parse(data []byte, from string) (Outputs, error) {
	var outputs Outputs
	if len(bytes.TrimSpace(data)) == 0 {
		return outputs, fmt.Errorf(
			"stack outputs: %s is empty; `pulumi up` writes outputs, `pulumi stack output --json` prints them", from,
		)
	}
	if err := json.Unmarshal(data, &outputs); err != nil {
		return Outputs{}, fmt.Errorf(
			"stack outputs: %s is not what `pulumi stack output --json` prints for this project: %w", from, err,
		)
	}
	var missing []string
	for name, is := range map[string]bool{
		contract.OutputEnvironment: outputs.Environment != "",
		contract.OutputCluster:     outputs.Cluster.Context != "" && outputs.Cluster.UID != "",
		contract.OutputServices:    len(outputs.Services) > 0,
	} {
		if !is {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return Outputs{}, fmt.Errorf(
			"stack outputs: %s has no %s: outputs of another project, of an older version, or of a stack that was never up",
			from, strings.Join(missing, ", "),
		)
	}
	return outputs, nil
}

// Select returns the named services, each once and sorted, or all where none is named. An unknown name is an error that
// lists the known.
func (o Outputs) Select(names []string) ([]string, error) {
	if len(names) == 0 {
		return o.Names(), nil
	}
	for _, name := range names {
		if _, is := o.Services[name]; !is {
			return nil, fmt.Errorf("the stack has no service %q; it has %s", name, strings.Join(o.Names(), ", "))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names))), nil
}
