package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// found is what there is to explain of one service.
type found struct {
	service string
	all     []evidence.GameDay // of one run, or of one moment
	explain []evidence.GameDay // of these
}

// find reads what is to be explained. Without a cluster there is nobody to ask for advice on requests.
func (f diagnoseFlags) find(ctx context.Context, g *global, in io.Reader, people io.Writer) ([]found,
	func(*diagnose.Diagnosis) error, error) {
	data, is, err := recordFile(f.record, in)
	if err != nil {
		return nil, nil, err
	}
	if is {
		records, err := evidence.ParseGameDays(data)
		if err != nil {
			return nil, nil, fmt.Errorf("--record %s: %w", f.record, err)
		}
		return []found{slowest(records, people)}, nil, nil
	}
	outputs, names, cluster, err := g.connect(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	advise := func(d *diagnose.Diagnosis) error { return d.Advise(ctx, cluster, outputs, time.Now()) }
	if f.record != "" {
		names = names[:1] // the record knows whose it is
	}
	var all []found
	for _, name := range names {
		next, err := f.ofService(ctx, cluster, outputs, name, people)
		switch {
		case err == nil:
			all = append(all, next)
		case len(names) == 1 || len(g.services) > 0:
			return nil, nil, err
		default:
			fmt.Fprintln(people, err)
		}
	}
	if len(all) == 0 {
		return nil, nil, errors.New("of no service is there anything to explain; see the lines above")
	}
	return all, advise, nil
}

func (f diagnoseFlags) ofService(ctx context.Context, cluster *kube.Cluster, outputs stack.Outputs, name string,
	people io.Writer) (found, error) {
	if f.live {
		records, err := diagnose.Live(ctx, cluster, outputs, name, time.Now())
		return found{name, records, records}, err
	}
	if outputs.Chaos == nil {
		return found{}, errors.New(
			"the stack has no chaos (opex:chaos.enabled), so there are no Game Days: --live looks at pods " +
				"that are not ready now",
		)
	}
	records, err := stored(ctx, cluster, *outputs.Chaos, name, f.record)
	if err != nil {
		return found{}, err
	}
	return slowest(records, people), nil
}

// stored are the records of one ConfigMap, or of the newest run of a service.
func stored(
	ctx context.Context, cluster *kube.Cluster, lab contract.ChaosLab, service, name string,
) ([]evidence.GameDay, error) {
	if name != "" {
		return shelf.ReadGameDay(ctx, cluster.Client, lab, name)
	}
	records, err := shelf.LatestGameDays(ctx, cluster.Client, lab, service)
	if err == nil && len(records) == 0 {
		err = fmt.Errorf(
			"%s: no Game Day is kept in namespace %s. `opex gameday` holds one; --live looks at pods that are not ready now",
			service, lab.Namespace,
		)
	}
	return records, err
}

// slowest chooses what to explain of a run.
func slowest(records []evidence.GameDay, people io.Writer) found {
	worst := diagnose.Worst(records)
	if len(records) > 1 {
		fmt.Fprintf(people, "of %d kills, the slowest is explained\n", len(records))
	}
	return found{worst.Service, records, []evidence.GameDay{worst}}
}

// recordFile reads a record that is a file. Names of ConfigMaps are no paths of files that exist.
func recordFile(name string, in io.Reader) (data []byte, is bool, err error) {
	switch {
	case name == "":
		return nil, false, nil
	case name == "-":
		data, err = io.ReadAll(in)
	default:
		data, err = os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(name, "/") && !strings.HasSuffix(name, ".json") {
			return nil, false, nil
		}
	}
	if err != nil {
		return nil, true, fmt.Errorf("--record: %w", err)
	}
	return data, true, nil
}
