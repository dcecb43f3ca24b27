package manifests

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/review"
)

// Baseline are known findings, each as rule, object and field, with how many times it is known. A repository that
// starts with many findings keeps them in a file and sees the new ones.
type Baseline map[string]int

func entry(f review.Finding) string { return f.Rule.ID + " " + f.Object.String() + " " + f.Where() }

// ReadBaseline reads a file that WriteBaseline wrote: a line for each finding; empty lines and comments count for
// nothing.
func ReadBaseline(name string) (Baseline, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	b := Baseline{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, rest, _ := strings.Cut(line, " ")
		if len(strings.Fields(rest)) < 3 ||
			!slices.ContainsFunc(review.Rules, func(r review.Rule) bool { return r.ID == id }) {
			return nil, fmt.Errorf("%s: %q is no entry such as: SUR-02 Deployment shop/till spec.replicas", name, line)
		}
		b[line]++
	}
	return b, nil
}

// WriteBaseline writes all findings of objects that the options take as a baseline.
func WriteBaseline(name string, objects review.Set, options Options) (int, error) {
	var lines []string
	for _, f := range review.Review(objects) {
		if options.takes(f.Rule.ID) {
			lines = append(lines, entry(f)+"\n")
		}
	}
	slices.Sort(lines)
	head := "# Findings of opex review that are known. Take out what you put right: opex review --baseline FILE says which these are.\n"
	return len(
		lines,
	), os.WriteFile(name, []byte(head+strings.Join(lines, "")), 0o644) //nolint:gosec // it is to be committed
}

func (b Baseline) clone() Baseline {
	c := Baseline{}
	for line, n := range b {
		c[line] = n
	}
	return c
}

// take says whether a finding is known, and counts it.
func (b Baseline) take(f review.Finding) bool {
	if b[entry(f)] == 0 {
		return false
	}
	b[entry(f)]--
	return true
}

// rest are the entries that nothing was found for.
func (b Baseline) rest() (lines []string) {
	for line, n := range b {
		if n > 0 {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}
