package policy

import (
	"strings"

	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
)

// remembering answers again what it once read of iptables, until it writes. kube-router calls it under its own lock.
//
// With each pod that comes or goes kube-router checks rules of its own that never change: 17 programs one after the other,
// which take one to three seconds of the time in which the pod starts. In a node's network nobody else writes these rules:
// kube-proxy has tables of its own in nftables.
//
// The policy controller of v2.1.0 writes by the four methods below. Look again with a new version: another method would
// leave old answers in memory.
type remembering struct {
	utils.IPTablesHandler
	answers map[string]any
}

func remember(tables utils.IPTablesHandler) *remembering {
	return &remembering{IPTablesHandler: tables, answers: map[string]any{}}
}

// recall answers from memory, or asks and remembers the answer; an error is not remembered.
func recall[T any](r *remembering, ask func() (T, error), question ...string) (T, error) {
	key := strings.Join(question, "\x00")
	if answer, is := r.answers[key].(T); is {
		return answer, nil
	}
	answer, err := ask()
	if err == nil {
		r.answers[key] = answer
	}
	return answer, err
}

func (r *remembering) Exists(table, chain string, rule ...string) (bool, error) {
	return recall(r, func() (bool, error) { return r.IPTablesHandler.Exists(table, chain, rule...) },
		append([]string{"rule", table, chain}, rule...)...)
}

func (r *remembering) ChainExists(table, chain string) (bool, error) {
	return recall(r, func() (bool, error) { return r.IPTablesHandler.ChainExists(table, chain) }, "chain", table, chain)
}

func (r *remembering) List(table, chain string) ([]string, error) {
	return recall(r, func() ([]string, error) { return r.IPTablesHandler.List(table, chain) }, "list", table, chain)
}

func (r *remembering) Insert(table, chain string, position int, rule ...string) error {
	clear(r.answers)
	return r.IPTablesHandler.Insert(table, chain, position, rule...)
}

func (r *remembering) AppendUnique(table, chain string, rule ...string) error {
	if exists, err := r.Exists(table, chain, rule...); err != nil || exists {
		return err
	}
	clear(r.answers)
	return r.IPTablesHandler.AppendUnique(table, chain, rule...)
}

func (r *remembering) Delete(table, chain string, rule ...string) error {
	clear(r.answers)
	return r.IPTablesHandler.Delete(table, chain, rule...)
}

func (r *remembering) NewChain(table, chain string) error {
	clear(r.answers)
	return r.IPTablesHandler.NewChain(table, chain)
}
