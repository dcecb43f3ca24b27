package diagnose

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Headline is the whole diagnosis in one line.
func (d Diagnosis) Headline() string {
	took := fmt.Sprintf("%s: %s: back in %s", d.Service, d.About, Human(d.Took))
	if !d.Recovered {
		took = fmt.Sprintf("%s: %s: NOT back after %s", d.Service, d.About, Human(d.Took))
	}
	if d.Objective > 0 {
		took += fmt.Sprintf(" (objective %s)", Human(d.Objective))
	}
	longest := d.longest(func(p Phase) evidence.Seconds { return p.Took })
	if !d.Slow {
		return fmt.Sprintf(
			"%s. Nothing is slow; the longest phase is %s with %s", took, longest.Name, Human(longest.Took),
		)
	}
	dark := d.longest(func(p Phase) evidence.Seconds { return p.Unexplained })
	if len(d.Findings) == 0 || dark.Unexplained > d.Findings[0].Seconds {
		return fmt.Sprintf(
			"%s. %s took %s, of which nothing in the record explains %s", took, dark.Name, Human(dark.Took),
			Human(dark.Unexplained),
		)
	}
	main := d.Findings[0]
	return fmt.Sprintf(
		"%s. The cause: %s, %s of it (%s), in %s", took, main.Cause, Human(main.Seconds), percent(main.Share),
		main.Phase,
	)
}

func (d Diagnosis) longest(by func(Phase) evidence.Seconds) Phase {
	return slices.MaxFunc(d.Phases, func(a, b Phase) int { return cmp.Compare(by(a), by(b)) })
}

// Write shows the diagnosis for people.
func (d Diagnosis) Write(w io.Writer) error {
	phases := table.Table{
		Header: []string{strings.ToUpper(d.Service), "TOOK", "USUAL", "UNEXPLAINED", ""},
		Right:  []int{1, 2, 3},
	}
	for _, p := range d.Phases {
		phases.Rows = append(
			phases.Rows, []string{p.Name, Human(p.Took), "< " + Human(p.Usual), Human(p.Unexplained), p.Remark()},
		)
	}
	phases.Rows = append(phases.Rows, []string{"sum", Human(d.Took), "", Human(d.Unexplained)})
	causes := table.Table{Header: []string{"CAUSE", "EXPLAINS", "SHARE", "IN"}, Right: []int{1, 2}}
	for i, f := range d.Findings {
		causes.Rows = append(
			causes.Rows, []string{fmt.Sprintf("%d. %s", i+1, f.Cause), Human(f.Seconds), percent(f.Share), f.Phase},
		)
	}
	causes.Rows = append(
		causes.Rows,
		[]string{"unexplained", Human(d.Unexplained), percent(float64(d.Unexplained / max(d.Took,
			millisecond)))},
	)
	for _, t := range []table.Table{phases, causes} {
		if err := t.Write(w, "table"); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	var text strings.Builder
	for i, f := range d.Findings {
		fmt.Fprintf(&text, "%d. %s\n", i+1, f.Cause)
		for _, line := range f.Evidence {
			fmt.Fprintf(&text, "   seen:   %s\n", line)
		}
		fmt.Fprintf(&text, "   proof:  %s\n   change: %s\n", f.Proof, f.Fix.Words)
		for _, c := range f.Fix.Settings {
			fmt.Fprintf(&text, "           %s\n", c.Text(d.Service))
		}
	}
	for _, p := range d.Phases {
		if p.Unexplained > p.Usual {
			fmt.Fprintf(
				&text, "%s is longer than usual, and nothing in the record says why for %s. Look at: %s\n", p.Name,
				Human(p.Unexplained), p.Look,
			)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// Remark says what is odd about a phase; empty: nothing.
func (p Phase) Remark() string {
	switch {
	case p.Open:
		return "never ended"
	case p.Took > p.Usual:
		return "slow"
	}
	return ""
}

// Text is the change in one line.
func (c Change) Text(service string) string {
	return fmt.Sprintf("opex:services[%s].%s: %s -> %s", service, strings.Join(c.Keys, "."), c.From, c.To)
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", share*100) }
