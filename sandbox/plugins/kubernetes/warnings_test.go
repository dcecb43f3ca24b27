package kubernetes

import (
	"context"
	"strings"
	"sync"
	"testing"
)

func TestMisspeltFieldIsWarnedOf(t *testing.T) {
	h := newHarness(t)
	for name, config := range map[string]Config{
		"on a plain creation": {ServerSideApply: true},
		"on an apply":         {ServerSideApply: true, Upsert: true},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var texts []string
			config.Kubeconfig = kubeconfig(t)
			c, err := connect(config, warnings(func(_ context.Context, _ int, _, text string) {
				mu.Lock()
				defer mu.Unlock()
				texts = append(texts, text)
			}))
			if err != nil {
				t.Fatal(err)
			}
			a := applier{cluster: c, config: config, manager: createManager, dryRun: true}
			_, err = a.create(t.Context(), map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "dataa": map[string]any{"a": "b"},
				"metadata": map[string]any{"name": "odd", "namespace": h.namespace}})
			if err != nil {
				texts = append(texts, err.Error())
			}
			contains(t, strings.Join(texts, "\n"), "dataa")
		})
	}
}

func TestUnknownFieldsOfBuiltInKindsAreFound(t *testing.T) {
	object := toObject(props(t, "{apiVersion: v1, kind: Service, metadata: {name: a, lables: {a: b}}, spec: {prots: [{port: 80}]}}"))
	contains(t, strings.Join(unknownFields(object, true), "; "), `unknown field "metadata.lables"`, `unknown field "spec.prots"`)
	if problems := unknownFields(toObject(props(t, web)), true); len(problems) > 0 {
		t.Errorf("good fields are called unknown: %v", problems)
	}
}
