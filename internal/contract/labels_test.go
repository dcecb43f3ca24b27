package contract

import (
	"slices"
	"testing"
)

func TestCollisionsAreFoundAsMetricsSeeKeys(t *testing.T) {
	cases := map[string]struct {
		keys []string
		want []string // the first group
	}{
		"none":                  {[]string{"team", "cost-center"}, nil},
		"dash and underscore":   {[]string{"cost_center", "cost-center"}, []string{"cost-center", "cost_center"}},
		"dot, slash and dash":   {[]string{"a/b", "a.b", "a-b"}, []string{"a-b", "a.b", "a/b"}},
		"the same key twice":    {[]string{"team", "team"}, nil},
		"case makes two labels": {[]string{"Team", "team"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			if groups := Collisions(c.keys); len(groups) > 0 {
				got = groups[0]
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestMapOfServiceLeavesOutADatabaseThatIsNotThere(t *testing.T) {
	output, err := Map(Service{Namespace: "shops", Replicas: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, is := output["database"]; is || output["namespace"] != "shops" || output["replicas"] != 2.0 {
		t.Errorf("output is %v", output)
	}
}
