package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/recovery"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

func TestDrillAndRestoreRefuseFlagsThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"an unknown service":             {[]string{"drill", "--service", "task-apu"}, []string{`no service "task-apu"`, "task-api"}},
		"restore of an unknown service":  {[]string{"restore", "latest", "--yes", "--service", "task-apu"}, []string{`no service "task-apu"`}},
		"another format":                 {[]string{"restore", "--format", "csv"}, []string{"--format csv", "table, json"}},
		"yes to a list":                  {[]string{"restore", "--yes", "--dry-run"}, []string{"--yes without a backup", "--dry-run without a backup"}},
		"restore into another namespace": {[]string{"restore", "latest", "--namespace", "prod"}, []string{"unknown flag: --namespace"}},
		"two backups":                    {[]string{"restore", "a", "b"}, []string{"accepts at most 1 arg"}},
		"drill of what":                  {[]string{"drill", "task-api"}, []string{"unknown command"}},
	} {
		t.Run(name, func(t *testing.T) {
			rightsizeFolder(t, nil)
			root := newRoot()
			var out, people bytes.Buffer
			root.SetOut(&out)
			root.SetErr(&people)
			root.SetArgs(append(c.args, "--outputs", "outputs.json", "--kubeconfig", "kubeconfig"))
			if code := run(t.Context(), root); code != exitUnknown || out.Len() > 0 {
				t.Errorf("exit code %d, data %s", code, out.String())
			}
			for _, words := range c.says {
				if !strings.Contains(people.String(), words) {
					t.Errorf("it does not say %q: %s", words, people.String())
				}
			}
		})
	}
}

func TestDrillFlagsAreJudgedAllAtOnce(t *testing.T) {
	f := drillFlags{
		format:       "csv",
		DrillOptions: recovery.DrillOptions{From: "b", Namespace: "n", Replicas: -1, Timeout: -time.Second},
	}
	err := f.check(2)
	for _, words := range []string{"--format csv", "--replicas -1", "--timeout -1s", "--from b: a backup is of one service", "--namespace n: it holds one copy"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("it does not say %q: %v", words, err)
		}
	}
	if err := (drillFlags{format: "json", DrillOptions: recovery.DrillOptions{From: recovery.Newest}}).check(2); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeTakenBackWantsTheNamespacesNameFromSomebody(t *testing.T) {
	for name, c := range map[string]struct {
		flags confirm
		typed string
		says  string // empty: it goes on
	}{
		"typed":                {confirm{}, "staging\n", ""},
		"without the line end": {confirm{}, "staging", ""},
		"told not to ask":      {confirm{yes: true}, "", ""},
		"a typo":               {confirm{}, "stagin\n", `typed was "stagin", and the namespace is "staging"`},
		"yes is not its name":  {confirm{}, "yes\n", `typed was "yes"`},
		"nothing":              {confirm{}, "\n", `typed was ""`},
		"another's name":       {confirm{}, "prod\n", `typed was "prod"`},
		"nobody is there":      {confirm{terminal: func(io.Reader) bool { return false }}, "staging\n", "no terminal to ask at; --yes"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.flags.terminal == nil {
				c.flags.terminal = func(io.Reader) bool { return true }
			}
			err := c.flags.ask(t.Context(), "staging", strings.NewReader(c.typed), io.Discard)
			if c.says == "" && err != nil ||
				c.says != "" && (!errors.As(err, &refusal.Refused{}) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A drill with a backup of its own writes a record into the live service: in production it asks first.
func TestADrillSaysWhatItDoesAndAsksInProduction(t *testing.T) {
	nobody := confirm{terminal: func(io.Reader) bool { return false }}
	for name, c := range map[string]struct {
		environment, from string
		confirm           confirm
		refused           bool
		says              string
	}{
		"staging":                    {"staging", "", nobody, false, "writes one record to /tasks of the live service, makes a backup"},
		"production":                 {"production", "", nobody, true, "writes one record to /tasks of the live service, makes a backup"},
		"production, and yes":        {"production", "", confirm{yes: true, terminal: nobody.terminal}, false, "makes a backup"},
		"production, a backup there": {"production", recovery.Newest, nobody, false, "restores the backup latest"},
	} {
		t.Run(name, func(t *testing.T) {
			var people bytes.Buffer
			site := &recovery.Site{
				Name:    "shop",
				People:  &people,
				Cluster: &kube.Cluster{UID: "here"},
				Outputs: stack.Outputs{Environment: c.environment},
				Plan:    contract.BackupPlan{Sentinel: &contract.Sentinel{Path: "/tasks"}},
			}
			f := drillFlags{DrillOptions: recovery.DrillOptions{From: c.from}, confirm: c.confirm}
			err := f.announce(t.Context(), site, strings.NewReader(""), &people)
			var refused refusal.Refused
			if errors.As(err, &refused) != c.refused || err != nil && !c.refused ||
				!strings.Contains(people.String(), c.says) {
				t.Errorf("%v; people are told %q", err, people.String())
			}
		})
	}
}
