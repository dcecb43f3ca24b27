package review

const ruleTypes = "TYP-01"

var typeRules = []Rule{
	{ID: ruleTypes, Title: "Fields have the types of the API", Severity: Error,
		Source: "https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation",
		Why:    "The API server refuses the object, or kubectl does.", check: typesFit},
	{ID: "TYP-02", Title: "An exemption names a rule and a reason", Severity: Error,
		Source: "docs/review.md", Why: "Otherwise it exempts nothing, or nobody knows why it does.", check: exemptionsAreWhole},
}

func typesFit(s *world) (found []Finding) {
	for _, o := range s.Set {
		for _, m := range o.Mistyped {
			f := Finding{Object: o, Path: m.Path, Says: m.Says}
			if m.Fix != nil {
				f.Fix = []Edit{{m.Path, m.Fix}}
			}
			found = append(found, f)
		}
	}
	return found
}
