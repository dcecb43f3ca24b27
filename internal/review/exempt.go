package review

import (
	"fmt"
	"slices"
	"strings"
)

// AnnotationExempt exempts an object from a rule, with the reason in words: opex.review/CHA-03: "the database is on
// purpose part of this test".
const AnnotationExempt = "opex.review/"

// Exemption is a finding that an object's annotation sets aside. Reports show it with its reason.
type Exemption struct {
	Finding Finding
	Reason  string
}

// exemptWords is the least number of words that a reason has.
const exemptWords = 3

// exempt takes away the findings that annotations set aside. An annotation of an unknown rule, or without a reason in
// words, sets nothing aside, and TYP-01 says so.
func exempt(s *world, all []Finding) (found []Finding, exempted []Exemption) {
	for _, f := range all {
		if reason := f.Object.annotations()[AnnotationExempt+f.Rule.ID]; len(strings.Fields(reason)) >= exemptWords &&
			!f.unsure {
			exempted = append(exempted, Exemption{f, reason})
			continue
		}
		found = append(found, f)
	}
	return found, exempted
}

func exemptionsAreWhole(s *world) (found []Finding) {
	for _, o := range s.Set {
		for _, annotation := range sorted(o.annotations()) {
			id, is := strings.CutPrefix(annotation, AnnotationExempt)
			if !is {
				continue
			}
			f := Finding{Object: o, Path: path("metadata.annotations", annotation)}
			reason := o.annotations()[annotation]
			switch {
			case !slices.ContainsFunc(ruleIDs(), func(known string) bool { return known == id }):
				f.Says = fmt.Sprintf("exempts from %s, and there is no such rule", id)
			case len(strings.Fields(reason)) < exemptWords:
				f.Says = fmt.Sprintf(
					"is %q, want the reason in at least %d words: nothing is exempted", reason, exemptWords,
				)
			default:
				continue
			}
			found = append(found, f)
		}
	}
	return found
}

// ruleIDs are a function's, since the rules are made with the functions that ask for them.
var ruleIDs func() []string

func init() {
	ruleIDs = func() (ids []string) {
		for _, r := range Rules {
			ids = append(ids, r.ID)
		}
		return ids
	}
}
