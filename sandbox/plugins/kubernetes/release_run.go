package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/release/common"
	helmrelease "helm.sh/helm/v4/pkg/release/v1"
)

// runRelease installs a release, or upgrades it. With an error it returns the release that is nevertheless there: what
// Helm has left, which the engine must know of. It returns none if there is none.
func (k *plugin) runRelease(ctx context.Context, resource string, inputs property.Map, creating bool) (releaseArgs, *helmrelease.Release, error) {
	ctx, done := k.during(ctx)
	defer done()
	fail := func(args releaseArgs, made *helmrelease.Release, err error) (releaseArgs, *helmrelease.Release, error) {
		verb := map[bool]string{true: "installed", false: "upgraded"}[creating]
		return args, made, fmt.Errorf("%s: the release %s was not %s: %w", resource, fqName(args.Namespace, args.Name), verb, err)
	}
	args, err := decodeRelease(toObject(inputs))
	if err != nil {
		return fail(args, nil, err)
	}
	if err := k.reachable(resource); err != nil {
		return args, nil, err
	}
	actions, err := k.helm(args.Namespace)
	if err != nil {
		return fail(args, nil, err)
	}
	last, err := lastRelease(actions, args.Name)
	if err != nil {
		return fail(args, nil, err)
	}
	if creating && last != nil && !k.config.Upsert && !args.Replace {
		return fail(args, nil, fmt.Errorf("a release of that name is there already, in the state %q. Import it, or set upsertExistingObjects on the provider to take it over", last.Info.Status))
	}
	if last != nil {
		if err := unlock(ctx, actions, last); err != nil {
			return fail(args, nil, err)
		}
	}
	found, path, err := k.loadChart(args)
	if err != nil {
		return fail(args, nil, fmt.Errorf("the chart %q cannot be loaded: %w", args.Chart, err))
	}
	if args.Lint {
		if result := action.NewLint().Run([]string{path}, args.Values); len(result.Errors) > 0 {
			return fail(args, nil, fmt.Errorf("the chart or its values do not pass Helm's lint: %w", errors.Join(result.Errors...)))
		}
	}
	do := upgrade
	if creating && (last == nil || args.Replace && !k.config.Upsert) {
		do = install
	}
	stop := k.releaseProgress(ctx, actions, args)
	made, err := do(ctx, actions, args, found)
	stop()
	if err == nil {
		k.cluster.mapper.Reset() // the chart may have brought new kinds
		return args, made, nil
	}
	// What a failed release left, if Helm has not taken it back.
	reasons := k.releaseReasons(context.WithoutCancel(ctx), made)
	err = &stuckError{strings.TrimSpace(err.Error()), reasons}
	left, lookErr := lastRelease(actions, args.Name)
	if lookErr != nil {
		return fail(args, made, errors.Join(err, lookErr))
	}
	return fail(args, left, err)
}

// unlock marks a revision that an interrupted engine left half-made as failed: Helm would refuse to touch the release.
// The engine's lock on the stack says that no other one is at work on it.
func unlock(ctx context.Context, actions *action.Configuration, last *helmrelease.Release) error {
	if !last.Info.Status.IsPending() {
		return nil
	}
	p.GetLogger(ctx).Warning(fmt.Sprintf("the release %s is %s: an earlier update was interrupted; it is taken up from there",
		fqName(last.Namespace, last.Name), last.Info.Status))
	last.SetStatus(common.StatusFailed, "interrupted")
	return actions.Releases.Update(last)
}

// releaseProgress tells every few seconds what a release waits for, until it is stopped. Helm itself waits in silence.
func (k *plugin) releaseProgress(ctx context.Context, actions *action.Configuration, args releaseArgs) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(3 * time.Second):
			}
			r, err := lastRelease(actions, args.Name)
			if err != nil || r == nil || ctx.Err() != nil {
				continue
			}
			for _, w := range k.releaseWaiters(ctx, r) {
				if v, err := w.look(w.object); err == nil && !v.ready {
					w.log.InfoStatus(v.message)
					break
				}
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// releaseReasons says why objects of a release are not ready.
func (k *plugin) releaseReasons(ctx context.Context, r *helmrelease.Release) []string {
	if r == nil {
		return nil
	}
	var reasons []string
	for _, w := range k.releaseWaiters(ctx, r) {
		if v, err := w.look(w.object); err == nil && !v.ready {
			reasons = append(append(reasons, v.message), w.reasons()...)
		}
	}
	return reasons
}

// releaseWaiters has one waiter for each object of a release that can be ready or not, as it is now. Hooks count: it is
// often one of them that hangs.
func (k *plugin) releaseWaiters(ctx context.Context, r *helmrelease.Release) []*waiter {
	manifest := r.Manifest
	for _, hook := range r.Hooks {
		manifest += "\n---\n" + hook.Manifest
	}
	objects, _ := manifestObjects(manifest)
	var waiters []*waiter
	for _, u := range objects {
		if readiness[kindName(u)] == nil {
			continue
		}
		if u.GetNamespace() == "" {
			u.SetNamespace(r.Namespace)
		}
		w := k.waiter(ctx, u.Object, u, 0)
		if w.refresh() == nil {
			waiters = append(waiters, w)
		}
	}
	return waiters
}
