package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// documentArgs is a policy as programs write it.
type documentArgs struct {
	PolicyID, Version                              string
	SourcePolicyDocuments, OverridePolicyDocuments []string
	Statements                                     []statementArgs
}

// statementArgs is a statement as programs write it.
type statementArgs struct {
	Sid, Effect                                  string
	Actions, NotActions, Resources, NotResources []string
	Principals, NotPrincipals                    []principalArgs
	Conditions                                   []struct {
		Test, Variable string
		Values         []string
	}
}

type principalArgs struct {
	Type        string
	Identifiers []string
}

func (s statementArgs) render(version string) (policyStatement, error) {
	out := policyStatement{
		Sid: s.Sid, Effect: firstOf(s.Effect, "Allow"), Action: oneOrMany(s.Actions), NotAction: oneOrMany(s.NotActions),
		Resource: oneOrMany(variables(s.Resources)), NotResource: oneOrMany(variables(s.NotResources)),
		Principal: principals(s.Principals), NotPrincipal: principals(s.NotPrincipals),
	}
	for _, c := range s.Conditions {
		if out.Condition == nil {
			out.Condition = map[string]map[string]oneOrAll{}
		}
		if out.Condition[c.Test] == nil {
			out.Condition[c.Test] = map[string]oneOrAll{}
		}
		// The order of a condition's values is kept.
		out.Condition[c.Test][c.Variable] = append(out.Condition[c.Test][c.Variable], variables(c.Values)...)
	}
	text, err := json.Marshal(s)
	if err == nil && version == "2008-10-17" && bytes.Contains(text, []byte(`\u0026{`)) {
		err = errors.New("&{ stands for a policy variable, which version 2008-10-17 does not have")
	}
	return out, err
}

// principals groups identifiers by type. Everyone is written as a star alone.
func principals(list []principalArgs) any {
	if len(list) == 0 {
		return nil
	}
	if len(list) == 1 && list[0].Type == "*" && slices.Equal(list[0].Identifiers, []string{"*"}) {
		return "*"
	}
	byType := map[string]oneOrAll{}
	for _, p := range list {
		byType[p.Type] = append(byType[p.Type], reversed(variables(p.Identifiers))...)
	}
	return byType
}

// oneOrMany is a set of values as a document holds it: nothing, a string, or a list.
func oneOrMany(values []string) any {
	switch len(values) {
	case 0:
		return nil
	case 1:
		return values[0]
	}
	return reversed(values)
}

// reversed is the set of values in the order in which pulumi-aws writes it: the last of the alphabet first.
func reversed(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	values = slices.Compact(values)
	slices.Reverse(values)
	return values
}

// variables turns the &{...} that programs write into IAM's ${...}.
func variables(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.ReplaceAll(v, "&{", "${")
	}
	return out
}
