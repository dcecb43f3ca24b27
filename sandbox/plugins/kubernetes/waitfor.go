package kubernetes

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"
)

// meets judges an object by its own pulumi.com/waitFor annotation: one expression, or a JSON list of which all must
// hold. An expression is jsonpath={.path}[=value] or condition=Type[=Status].
func meets(u *unstructured.Unstructured, annotation string) (verdict, error) {
	var expressions []string
	if json.Unmarshal([]byte(annotation), &expressions) != nil {
		expressions = []string{annotation}
	}
	if len(expressions) == 0 {
		return verdict{}, wrongWaitFor(annotation, "it lists no expression")
	}
	for _, expression := range expressions {
		holds, err := meetsOne(u, expression)
		if err != nil {
			return verdict{}, err
		}
		if !holds {
			return waiting("%s does not meet %s yet", describe(u.Object), expression), nil
		}
	}
	return isReady, nil
}

func meetsOne(u *unstructured.Unstructured, expression string) (bool, error) {
	if want, ok := strings.CutPrefix(expression, "condition="); ok {
		kind, value, given := strings.Cut(want, "=")
		if !given {
			value = "True"
		}
		return strings.EqualFold(conditionStatus(u.Object, kind), value), nil
	}
	path, ok := strings.CutPrefix(expression, "jsonpath=")
	end := strings.LastIndex(path, "}")
	if !ok || !strings.HasPrefix(path, "{") || end < 0 {
		return false, wrongWaitFor(expression, "it is of neither form")
	}
	value, given := strings.CutPrefix(path[end+1:], "=")
	if !given && path[end+1:] != "" {
		return false, wrongWaitFor(expression, "after the path comes something other than =value")
	}
	query := jsonpath.New("waitFor").AllowMissingKeys(true)
	if err := query.Parse(path[:end+1]); err != nil {
		return false, wrongWaitFor(expression, err.Error())
	}
	found, err := query.FindResults(u.Object)
	if err != nil || len(found) == 0 || len(found[0]) == 0 {
		return false, nil // the path leads nowhere yet
	}
	return !given || fmt.Sprint(found[0][0].Interface()) == value, nil
}

func wrongWaitFor(expression, problem string) error {
	return fmt.Errorf("the annotation %s is %q: %s. Allowed: jsonpath={.path}, jsonpath={.path}=value, condition=Type, condition=Type=Status, or a JSON list of these", waitFor, expression, problem)
}
