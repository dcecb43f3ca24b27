package table

import (
	"strings"
	"testing"
)

var example = Table{
	Header: []string{"TEAM", "COST"},
	Rows:   [][]string{{"é|a", "1.5"}, {"long-name", "12.25"}, {"short"}},
	Right:  []int{1},
}

func TestEachFormatHoldsAllCells(t *testing.T) {
	for format, want := range map[string]string{
		"table":    "TEAM        COST\né|a          1.5\nlong-name  12.25\nshort\n",
		"csv":      "TEAM,COST\né|a,1.5\nlong-name,12.25\nshort,\n",
		"markdown": "| TEAM | COST |\n| --- | ---: |\n| é\\|a | 1.5 |\n| long-name | 12.25 |\n| short |  |\n",
	} {
		var got strings.Builder
		if err := example.Write(&got, format); err != nil || got.String() != want {
			t.Errorf("%s:\n%s\nwant\n%s%v", format, got.String(), want, err)
		}
	}
}

func TestUnknownFormatIsRefused(t *testing.T) {
	err := example.Write(&strings.Builder{}, "xml")
	if err == nil || !strings.Contains(err.Error(), `"xml"; allowed are table, json, csv, markdown`) {
		t.Errorf("error is %v", err)
	}
}
