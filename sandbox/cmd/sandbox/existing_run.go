package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/opex-project/opex/sandbox/internal/deploy"
	"github.com/opex-project/opex/sandbox/internal/existing"
)

// enter puts this process into the stack's environment, with the store in reach. The function that it returns leaves.
func (f opened) enter(ctx context.Context) (deploy.Target, func(), error) {
	target, err := f.cluster.Target(f.sandbox.Repo, f.facts, f.settings, f.store)
	if err != nil {
		return target, nil, err
	}
	// The user's own programs come first; opex is the one that is built here.
	target.Environment["PATH"] = os.Getenv("PATH") + string(os.PathListSeparator) + f.sandbox.Shared("bin")
	if err := deploy.Enter(target); err != nil {
		return target, nil, err
	}
	// The store stays in reach after Ctrl-C: commands end by themselves, and clean up.
	ctx, leave := context.WithCancel(context.WithoutCancel(ctx))
	if f.store != nil {
		if err := f.cluster.Forward(ctx, *f.store); err != nil {
			leave()
			return target, nil, err
		}
	}
	return target, leave, nil
}

// existingRun runs a command in the environment of a stack that was deployed.
func existingRun(ctx context.Context, o *options, e *existingOptions, args []string) error {
	found, err := e.deployed(ctx, o)
	if err != nil {
		return err
	}
	_, leave, err := found.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return run(found.sandbox.Repo, args)
}

// deployed is open for a cluster on which the stack was deployed from here.
func (e *existingOptions) deployed(ctx context.Context, o *options) (opened, error) {
	if e.context == "kind" {
		e.context = existing.KindContext
	}
	found, err := e.open(ctx, o)
	if err == nil && found.facts.PinnedUID != found.facts.UID {
		err = fmt.Errorf("the stack was not deployed from here onto the cluster of context %s: `make up CLUSTER=%[1]s` does that. "+
			"If it was deployed onto a cluster that is gone, delete %s", e.context, found.cluster.Folder)
	}
	return found, err
}

// existingClean destroys the stack and the store, and forgets the cluster.
func existingClean(ctx context.Context, o *options, e *existingOptions) error {
	found, err := e.deployed(ctx, o)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("This destroys the staging stack on context %s (%s): its services, their data, the engines",
		found.cluster.Context, found.cluster.Server)
	if found.store != nil {
		text += ", and the namespace opex-store with all backups"
	}
	if err := e.confirm(ctx, text+"."); err != nil {
		return err
	}
	if err := found.destroy(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(found.cluster.Folder); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "The stack staging is gone from %s. `make up CLUSTER=%[1]s` deploys it anew.\n", e.context)
	return nil
}

// destroy ends the stack, then the store. A store that cannot be reached is reported: where the stack still has a bucket
// in it, `pulumi destroy` fails, and the store stays.
func (f opened) destroy(ctx context.Context) error {
	target, leave, err := f.enter(ctx)
	if errors.Is(err, existing.ErrNoStore) {
		fmt.Fprintln(os.Stderr, err)
		leave = func() {}
	} else if err != nil {
		return err
	}
	defer leave()
	if err := deploy.Destroy(ctx, target); err != nil || f.store == nil {
		return err
	}
	return f.cluster.DeleteStore(ctx)
}
