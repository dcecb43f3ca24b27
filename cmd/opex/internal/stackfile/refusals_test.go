package stackfile

import (
	"strings"
	"testing"
)

func TestEditRefusesWhatItCannotChangeAlone(t *testing.T) {
	const services = "  opex:services:\n  - name: task-api\n"
	cases := map[string]struct{ text, want string }{
		"an empty file":         {"", "is no YAML"},
		"no YAML":               {"config: [", "is no YAML"},
		"a list":                {"- a\n", "is no object"},
		"only a comment":        {"# nothing\n", "is no YAML"},
		"binary data":           {"config: \xff\n", "not UTF-8"},
		"old line breaks":       {"config:\r  a: b\r", "line breaks"},
		"Unicode line breaks":   {head + "# a\u2028b\n" + services, "line breaks"},
		"two documents":         {head + "---\na: b\n", "more than one YAML document"},
		"a key twice":           {head + services + services, "already defined"},
		"a key that is no text": {head + "  1: a\n" + services, "no text (line 3)"},
		"a merge into config":   {"a: &a {b: c}\nconfig:\n  <<: *a\n" + services, "no text (line 3)"},
		"no config":             {"encryptionsalt: a\n", "opex:environment: is missing"},
		"no environment":        {"config:\n" + services, "opex:environment: is missing"},
		"another environment": {
			"config:\n  opex:environment: production\n" + services,
			`is "production", the stack's outputs are of "staging"`,
		},
		"an encrypted environment": {
			"config:\n  opex:environment:\n    secure: abc\n" + services, "belongs to another stack",
		},
		"keys in the old form":    {head + "  opex:config:services:\n  - name: task-api\n", "write opex:services"},
		"encrypted services":      {head + "  opex:services:\n    secure: abc\n", "is encrypted as a whole"},
		"services that are text":  {head + "  opex:services: '[]'\n", "is no list"},
		"services that are null":  {head + "  opex:services:\n", "is no list"},
		"another service only":    {head + "  opex:services:\n  - name: other\n", "has no service task-api"},
		"two of that name":        {head + services + "  - name: task-api\n", "two services have the name"},
		"null resources":          {head + services + "    resources:\n", "resources is no object"},
		"resources that are text": {head + services + "    resources: none\n", "resources is no object"},
		"a list for a value":      {head + services + "    resources: {requests: {cpu: [1]}}\n", "is no single value"},
		"a folded value": {
			head + services + "    resources:\n      requests:\n        cpu: >-\n          250m\n",
			"not written on one line",
		},
		"a literal value": {
			head + services + "    resources:\n      requests:\n        cpu: |-\n          250m\n",
			"not written on one line",
		},
		"an escaped value": {
			head + services + "    resources: {requests: {cpu: \"\\u0032m\"}}\n", "not written on one line",
		},
		"a null value": {
			head + services + "    resources:\n      requests:\n        cpu:\n", "not written on one line",
		},
		"an anchor on the value": {
			head + services + "    resources: {requests: {cpu: &cpu 250m}}\n", "has an anchor (&cpu)",
		},
		"an alias for the value": {
			head + "  a: &cpu 250m\n" + services + "    resources: {requests: {cpu: *cpu}}\n", "is an alias (*cpu)",
		},
		"an alias on the way": {
			head + "  a: &r {cpu: 250m}\n" + services + "    resources:\n      requests: *r\n", "is an alias (*r)",
		},
		"an anchor on the way": {
			head + services + "    resources: &r\n      requests: {cpu: 250m}\n  b: *r\n", "has an anchor (&r)",
		},
		"an anchor on the service": {head + "  opex:services:\n  - &s\n    name: task-api\n", "has an anchor (&s)"},
		"a merge": {
			head + "  a: &r {cpu: 250m}\n" + services + "    resources:\n      requests:\n        <<: *r\n",
			"merges another object",
		},
		"a tag": {head + services + "    resources: {requests: {cpu: !!str 250m}}\n", "has a tag"},
		"a limit below": {
			head + services + "    resources: {requests: {cpu: 50m}, limits: {cpu: 60m}}\n",
			"more than resources.limits.cpu, which is 60m",
		},
		"a limit that is none": {
			head + services + "    resources: {requests: {cpu: 50m}, limits: {cpu: much}}\n", "which is much",
		},
		"no place for a key": {head + "  opex:services:\n  - name: |-\n      task-api\n", "no safe place"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result, err := Edit(
				File{"Pulumi.staging.yaml", []byte(c.text)}, File{"Pulumi.yaml", []byte(projectText)}, "staging",
				[]Setting{requestCPU},
			)
			if err == nil {
				t.Fatalf("it was edited:\n%s", result.Data)
			}
			if result.Data != nil || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), "Nothing was changed.") {
				t.Errorf("error is %v\nwant %q in it", err, c.want)
			}
		})
	}
}

func TestEditRefusesADefaultThatItCannotCopy(t *testing.T) {
	cases := map[string]struct{ project, want string }{
		"no project file":  {"", "its default in Pulumi.yaml cannot be read"},
		"no services":      {"name: opex\nconfig: {}\n", "is no list of services"},
		"no default":       {"config:\n  services: {type: array}\n", "is no list of services"},
		"an empty default": {"config:\n  services: {default: []}\n", "is no list of services"},
		"an alias": {
			"a: &i x\nconfig:\n  services: {default: [{name: task-api, image: *i}]}\n",
			"an anchor or an alias on line 3",
		},
		"another service":     {"config:\n  services: {default: [{name: other}]}\n", "has no service task-api"},
		"a default of a text": {"config:\n  services: {default: all}\n", "is no list of services"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Edit(
				File{"Pulumi.staging.yaml", []byte(head)}, File{"Pulumi.yaml", []byte(c.project)}, "staging",
				[]Setting{requestCPU},
			)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v\nwant %q in it", err, c.want)
			}
		})
	}
	braces := File{"Pulumi.staging.yaml", []byte("config: {opex:environment: staging}\n")}
	if _, err := Edit(braces, File{"Pulumi.yaml", []byte(projectText)}, "staging", []Setting{requestCPU}); err == nil ||
		!strings.Contains(err.Error(), "braces") {
		t.Errorf("config in braces: error is %v", err)
	}
}

func TestEditTellsAllProblemsAtOnce(t *testing.T) {
	text := head + "  opex:services:\n  - name: task-api\n    resources: {requests: {cpu: &a 250m}}\n    database: none\n"
	_, err := Edit(File{"Pulumi.staging.yaml", []byte(text)}, File{}, "staging", []Setting{requestCPU, databaseCPU})
	if err == nil || !strings.Contains(err.Error(), "2 problems") {
		t.Errorf("error is %v", err)
	}
}
