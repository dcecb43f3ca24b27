package api

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestTheReadmeListsExactlyTheRoutes(t *testing.T) {
	s := start(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]+) (/\\S*)` \\|").FindAllStringSubmatch(string(readme), -1) {
		method, route := m[1], m[2]
		listed[method+" "+route] = true
		a := s.call(t, method, strings.ReplaceAll(route, "{id}", "0"), "")
		if strings.Contains(a.body, "route_not_found") || a.status == 405 {
			t.Errorf("%s %s is listed, and answers %d", method, route, a.status)
		}
	}
	for route := range s.api.routes {
		a := s.call(t, "BREW", strings.ReplaceAll(route, "{id}", "0"), "")
		for method := range strings.SplitSeq(a.header.Get("Allow"), ", ") {
			if method != "HEAD" && !listed[method+" "+route] {
				t.Errorf("%s %s is served, and not listed", method, route)
			}
		}
	}
}
