package verify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

// TestTheReferenceIsThatOfTheCode keeps docs/reference/criteria.md.
func TestTheReferenceIsThatOfTheCode(t *testing.T) {
	var text strings.Builder
	text.WriteString(`# Success criteria

What ` + "`opex verify`" + ` judges for each service, on the live cluster. Made from the code by ` + "`go test ./internal/verify -update`" + ` in cmd/opex:
change it there.

PASS is proven; FAIL is proven to be otherwise; UNPROVEN is neither, because there is no evidence yet or it could not be looked at. N/A
does not concern the service. An empty list, a failed lookup or a missing object is never a PASS.

| id | criterion | PASS means | why |
|---|---|---|---|
`)
	for _, c := range Criteria {
		fmt.Fprintf(&text, "| %s | %s | %s. | %s |\n", c.ID, c.Title, strings.ToUpper(c.Target[:1])+c.Target[1:], c.Why)
	}
	kubetest.Golden(t, "../../../../../docs/reference/criteria.md", []byte(text.String()))
}
