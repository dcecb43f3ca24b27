// Package stackfile changes requests and limits of services in a stack's file (Pulumi.<stack>.yaml), byte by byte:
// comments, order, blank lines, quotes and encrypted values stay as they are. An edit is read back and compared with
// what was meant before anybody sees it.
package stackfile

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opex-project/opex/internal/problem"
)

// File is a file that was read.
type File struct {
	Path string
	Data []byte
}

// Setting is one value of a service to change.
type Setting struct {
	Service  string
	Keys     []string // from the service's entry on: resources, requests, cpu
	From, To string   // quantities: what runs, and what shall
}

func (s Setting) path() string {
	return servicesKey + "[" + s.Service + "]." + strings.Join(s.Keys, ".")
}

// Result is a file's new content, the same as the old one where nothing was to change.
type Result struct {
	Data  []byte
	Notes []string // for whoever reads the change
}

// Edit returns the stack file with the settings in it. The project file (Pulumi.yaml) is read where the stack file has
// no services of its own: a stack's list replaces the default one as a whole, so that one is copied. A file of another
// environment, one that cannot be changed without touching something else, and one whose limits would be below the new
// requests are refused; all that is wrong is in the error, and the result is empty then.
func Edit(stack, project File, environment string, settings []Setting) (Result, error) {
	var found problem.List
	refuse := func() error { return found.Err("stack file "+stack.Path, "Nothing was changed.") }
	doc, err := parse(stack)
	if err != nil {
		found.Add(stack.Path, "%v", err)
		return Result{}, refuse()
	}
	if err := doc.checkEnvironment(environment); err != nil {
		found.Add("opex:environment", "%v", err)
		return Result{}, refuse()
	}
	if len(settings) == 0 {
		return Result{Data: stack.Data}, nil
	}
	var notes []string
	whole := doc
	if doc.config().get(servicesKey) == nil {
		if whole, err = doc.withDefaultServices(project); err != nil {
			found.Add(servicesKey, "%v", err)
			return Result{}, refuse()
		}
		notes = append(
			notes,
			fmt.Sprintf(
				"%s: the services of %s are copied into it, since a stack's list replaces the default one as a whole",
				stack.Path, project.Path,
			),
		)
	}
	edited := whole
	for _, setting := range settings {
		next, note, err := edited.set(setting)
		if err != nil {
			found.Add(setting.path(), "%v", err)
			continue
		}
		if note != "" {
			notes = append(notes, setting.path()+": "+note)
		}
		edited = next
	}
	if found.Empty() {
		edited.checkLimits(&found, settings)
	}
	if found.Empty() && !asMeant(whole.tree(), edited.tree(), settings) {
		found.Add(
			stack.Path,
			"this edit would change other values too: the file is written in a way that is not understood here. Change it by hand",
		)
	}
	if !found.Empty() {
		return Result{}, refuse()
	}
	return Result{Data: edited.data, Notes: notes}, nil
}

// checkLimits finds limits below the new requests. What is below in the cluster was raised with the request; what is
// below in the file only was never deployed.
func (d *document) checkLimits(found *problem.List, settings []Setting) {
	for _, setting := range settings {
		last := len(setting.Keys) - 1
		if last < 1 || setting.Keys[last-1] != "requests" {
			continue
		}
		keys := append([]string{}, setting.Keys...)
		keys[last-1] = "limits"
		limit, _ := at(d.tree(), setting.Service, keys)
		if limit == nil {
			continue
		}
		allowed, err := resource.ParseQuantity(fmt.Sprint(limit))
		request, errRequest := resource.ParseQuantity(setting.To)
		if err != nil || errRequest != nil || allowed.Cmp(request) < 0 {
			found.Add(
				setting.path(),
				"would be %s, more than %s, which is %v in this file. The cluster has another limit: deploy or correct the file first",
				setting.To, strings.Join(keys, "."), limit,
			)
		}
	}
}

// asMeant says that the new tree is the old one with exactly the settings in it.
func asMeant(old, edited any, settings []Setting) bool {
	for _, setting := range settings {
		is, ok := at(edited, setting.Service, setting.Keys)
		if !ok || !same(fmt.Sprint(is), setting.To) {
			return false
		}
		put(old, setting.Service, setting.Keys, is)
	}
	return reflect.DeepEqual(old, edited)
}

// same says that two quantities are equal, however they are written.
func same(a, b string) bool {
	left, errLeft := resource.ParseQuantity(a)
	right, errRight := resource.ParseQuantity(b)
	return errLeft == nil && errRight == nil && left.Cmp(right) == 0
}
