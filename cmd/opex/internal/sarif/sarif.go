// Package sarif writes findings for code scanning, as SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/
package sarif

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Levels of findings.
const (
	Error   = "error"
	Warning = "warning"
	Note    = "note"
)

// Rule is what a tool can find. Help is optional. Level is that of its findings unless they say otherwise; empty:
// Error.
type Rule struct {
	ID, Title, Why, Help string
	Level                string
	Tags                 []string
}

// Finding is something that is wrong, or may be. What is in order is none: SARIF's kinds for it are shown as alerts by
// who does not read them.
type Finding struct {
	Rule, Level, Message string
	File                 string // path; a finding without a place stands in a file that stands for it
	Line                 int    // from 1
	Object               string // what it is about, by its full name
	Fingerprint          string // the same for the same finding of another day
}

// Write writes the log of one run. A finding of a rule that the tool does not have is an error.
func Write(w io.Writer, tool string, rules []Rule, findings []Finding) error {
	text := func(text string) any { return map[string]any{"text": text} }
	described, results := []any{}, []any{}
	for _, r := range rules {
		level := r.Level
		if level == "" {
			level = Error
		}
		one := map[string]any{"id": r.ID, "shortDescription": text(r.Title), "fullDescription": text(r.Why),
			"defaultConfiguration": map[string]any{"level": level}}
		if r.Help != "" {
			one["help"] = text(r.Help)
		}
		if len(r.Tags) > 0 {
			one["properties"] = map[string]any{"tags": r.Tags}
		}
		described = append(described, one)
	}
	for _, f := range findings {
		index := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == f.Rule })
		if index < 0 {
			return fmt.Errorf("sarif: %s: %s has no rule %q", f.Object, tool, f.Rule)
		}
		place := map[string]any{
			"artifactLocation": map[string]any{"uri": (&url.URL{Path: filepath.ToSlash(f.File)}).String()},
			"region":           map[string]any{"startLine": max(f.Line, 1)},
		}
		results = append(
			results,
			map[string]any{
				"ruleId":              f.Rule,
				"ruleIndex":           index,
				"kind":                "fail",
				"level":               f.Level,
				"message":             text(f.Message),
				"partialFingerprints": map[string]any{"opex/v1": f.Fingerprint},
				"locations": []any{
					map[string]any{
						"physicalLocation": place,
						"logicalLocations": []any{map[string]any{"fullyQualifiedName": f.Object}},
					},
				},
			},
		)
	}
	return table.JSON(w, map[string]any{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []any{
			map[string]any{
				"tool":    map[string]any{"driver": map[string]any{"name": tool, "rules": described}},
				"results": results,
			},
		}})
}
