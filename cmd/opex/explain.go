package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/internal/review"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain RULE...",
		Short: "Explain rules of opex review: what must hold, why, and where that can be looked up",
		Example: `  opex explain BAK-06
  opex explain CHA     # all rules that begin so`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var texts []string
			for _, arg := range args {
				found := slices.DeleteFunc(
					slices.Clone(review.Rules),
					func(r review.Rule) bool { return !strings.HasPrefix(r.ID, strings.ToUpper(arg)) },
				)
				if len(found) == 0 {
					return fmt.Errorf("there is no rule %s; opex review --list names all", arg)
				}
				for _, r := range found {
					texts = append(texts, explained(r))
				}
			}
			fmt.Fprint(cmd.OutOrStdout(), strings.Join(texts, "\n"))
			return nil
		},
	}
}

func explained(r review.Rule) string {
	text := fmt.Sprintf("%s  %s  %s\n  why: %s\n  source: %s\n", r.ID, r.Severity, r.Title, r.Why, r.Source)
	if len(r.Criteria) > 0 {
		text += "  cannot pass otherwise: " + strings.Join(r.Criteria, ", ") + "\n"
	}
	return text + fmt.Sprintf(
		"  to exempt one object, annotate it with the reason: %s%s: \"the reason in words\"\n", review.AnnotationExempt,
		r.ID,
	)
}
