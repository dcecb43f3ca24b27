package problem

import (
	"strings"
	"testing"
)

func TestErrListsAllProblemsInOrderWithWhoAndConsequence(t *testing.T) {
	var part, whole List
	part.Add("cpu", "is %d", 0)
	whole.Add("b", "first")
	whole.AddAll("a.", part)
	want := "who: 2 problems:\n  - b: first\n  - a.cpu: is 0\nNothing happened."
	if got := whole.Err("who", "Nothing happened.").Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOneProblemForEachPath(t *testing.T) {
	var list List
	list.Add("name", "is missing")
	list.Add("name", "is too short")
	if got := strings.Join(list.Lines(), ","); got != "name: is missing" {
		t.Errorf("got %q", got)
	}
}

func TestNoProblemIsNoError(t *testing.T) {
	var list List
	list.AddAll("a.", List{})
	if err := list.Err("who", "what"); err != nil || !list.Empty() {
		t.Errorf("error is %v", err)
	}
}

func TestPercentSignsOfAValueSurvive(t *testing.T) {
	var part, whole List
	part.Add("path", "%q is wrong", "100%d")
	whole.AddAll("a.", part)
	if got := whole.Lines()[0]; got != `a.path: "100%d" is wrong` {
		t.Errorf("got %q", got)
	}
}
