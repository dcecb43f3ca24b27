package policy

import (
	"errors"
	"slices"
	"testing"

	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
)

// counted stands for iptables: it keeps the rules of one chain and counts how often it is asked.
type counted struct {
	utils.IPTablesHandler
	rules  []string
	asked  int
	broken error
}

func (c *counted) Exists(_, _ string, rule ...string) (bool, error) {
	c.asked++
	return slices.Contains(c.rules, rule[0]), c.broken
}

func (c *counted) List(_, _ string) ([]string, error) {
	c.asked++
	return c.rules, c.broken
}

func (c *counted) ChainExists(_, _ string) (bool, error) {
	c.asked++
	return len(c.rules) > 0, c.broken
}

func (c *counted) Insert(_, _ string, _ int, rule ...string) error {
	c.rules = append([]string{rule[0]}, c.rules...)
	return c.broken
}

func (c *counted) AppendUnique(_, _ string, rule ...string) error {
	c.rules = append(c.rules, rule[0])
	return c.broken
}

func (c *counted) NewChain(_, _ string) error { return c.Insert("", "", 1, "new") }

func (c *counted) Delete(_, _ string, rule ...string) error {
	c.rules = slices.DeleteFunc(c.rules, func(r string) bool { return r == rule[0] })
	return c.broken
}

func TestRulesAreReadOnce(t *testing.T) {
	under := &counted{rules: []string{"a"}}
	tables := remember(under)
	for range 3 {
		if is, err := tables.Exists("filter", "INPUT", "a"); !is || err != nil {
			t.Errorf("Exists: %v, %v", is, err)
		}
		if is, err := tables.ChainExists("filter", "INPUT"); !is || err != nil {
			t.Errorf("ChainExists: %v, %v", is, err)
		}
		if list, err := tables.List("filter", "INPUT"); len(list) != 1 || err != nil {
			t.Errorf("List: %v, %v", list, err)
		}
		if err := tables.AppendUnique("filter", "INPUT", "a"); err != nil {
			t.Error(err)
		}
	}
	if under.asked != 3 || len(under.rules) != 1 {
		t.Errorf("asked %d times, want each question once; rules %v", under.asked, under.rules)
	}
}

func TestEachWriteIsSeenByTheNextRead(t *testing.T) {
	for name, write := range map[string]func(*remembering) error{
		"Insert":       func(r *remembering) error { return r.Insert("filter", "INPUT", 1, "b") },
		"AppendUnique": func(r *remembering) error { return r.AppendUnique("filter", "INPUT", "b") },
		"NewChain":     func(r *remembering) error { return r.NewChain("filter", "b") },
		"Delete":       func(r *remembering) error { return r.Delete("filter", "INPUT", "a") },
	} {
		under := &counted{rules: []string{"a"}}
		tables := remember(under)
		if _, err := tables.List("filter", "INPUT"); err != nil {
			t.Fatal(err)
		}
		if err := write(tables); err != nil {
			t.Fatal(err)
		}
		if list, _ := tables.List("filter", "INPUT"); len(list) == 1 {
			t.Errorf("%s: the list is still %v", name, list)
		}
	}
}

func TestAnErrorIsNotRemembered(t *testing.T) {
	under := &counted{rules: []string{"a"}, broken: errors.New("no iptables")}
	tables := remember(under)
	if _, err := tables.Exists("filter", "INPUT", "a"); err == nil {
		t.Error("the error is lost")
	}
	under.broken = nil
	if is, err := tables.Exists("filter", "INPUT", "a"); !is || err != nil {
		t.Errorf("after the error: %v, %v", is, err)
	}
}
