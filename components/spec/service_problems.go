package spec

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// maxNameLength leaves room for what Kubernetes and this program append to a service's name, as in
// `<name>-db-<hash of the revision>`, within the 63 characters of a label's value.
const maxNameLength = 40

// Problems returns all that Kubernetes or this program would refuse, by the config's keys. Defaults must be set before.
func (s Service) Problems() problem.List {
	var found problem.List
	if len(s.Name) > maxNameLength {
		found.Add("name", "%q has %d characters, allowed are %d", s.Name, len(s.Name), maxNameLength)
	} else if len(validation.IsDNS1035Label(s.Name)) > 0 {
		found.Add("name", "%q is no DNS label: want lower-case letters, digits and -, a letter first and no - last", s.Name)
	}
	CheckLabelValue(&found, "team", s.Team)
	CheckLabelValue(&found, "costCenter", s.CostCenter)
	checkImage(&found, "image", s.Image)
	if s.Port < 1024 || s.Port > 65535 {
		found.Add("port", "is %d, allowed are 1024 to 65535: the container does not run as root", s.Port)
	}
	if s.Replicas < 1 {
		found.Add("replicas", "is %d, want 1 or more", s.Replicas)
	}
	found.AddAll("resources.", s.Resources.problems())
	checkPath(&found, "healthPath", s.HealthPath)
	checkPath(&found, "readyPath", s.ReadyPath)
	if s.MetricsPath != "" {
		checkPath(&found, "metricsPath", s.MetricsPath)
	}
	found.AddAll("rightSizing.", s.RightSizing.problems(s.Resources.Requests))
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		wrong := validation.IsCIdentifier(key)
		switch {
		case len(wrong) > 0:
			found.Add("env."+key, "%s", wrong[0])
		case key == "PORT":
			found.Add("env."+key, "is set by the program: port is its key")
		case s.Database != nil && strings.HasPrefix(key, "PG"):
			found.Add("env."+key, "is set by the program: database is its key")
		case key == "PGPASSWORD":
			found.Add("env."+key, "would stand in clear in the stack's file and in the pods")
		}
	}
	s.checkLabels(&found)
	found.AddAll("traffic.", s.Traffic.problems())
	found.AddAll("nodes.", s.Nodes.Problems())
	if s.Database != nil {
		found.AddAll("database.", s.Database.problems())
	}
	found.AddAll("backup.", s.Backup.problems(s.Database))
	found.AddAll("chaos.", s.Chaos.problems())
	return found
}

func (s Service) checkLabels(found *problem.List) {
	keys := slices.Sorted(maps.Keys(s.Labels))
	for _, key := range keys {
		path := "labels." + key
		if slices.Contains(contract.LabelKeys(), key) {
			found.Add(path, "is set by the program")
		}
	}
	found.AddAll("labels.", labelProblems(s.Labels))
	for _, group := range contract.Collisions(append(keys, contract.LabelKeys()...)) {
		found.Add(
			"labels", "%s become one key, %s, in metrics: one would hide the other and costs would be counted wrongly",
			strings.Join(group, " and "), contract.MetricKey(group[0]),
		)
	}
}

func (d Database) problems() problem.List {
	var found problem.List
	if d.Kind != "postgres" {
		found.Add("kind", "is %q, allowed is postgres", d.Kind)
	}
	checkImage(&found, "image", d.Image)
	checkQuantity(&found, "dataSize", d.DataSize)
	checkQuantity(&found, "dumpSize", d.DumpSize)
	if d.StorageClass != "" {
		if wrong := validation.IsDNS1123Subdomain(d.StorageClass); len(wrong) > 0 {
			found.Add("storageClass", "%q: %s", d.StorageClass, wrong[0])
		}
	}
	found.AddAll("resources.", d.Resources.problems())
	found.AddAll("rightSizing.", d.RightSizing.problems(d.Resources.Requests))
	return found
}

func (r Resources) problems() problem.List {
	var found problem.List
	check := func(kind string, request, limit Quantity) {
		low, okLow := checkQuantity(&found, "requests."+kind, request)
		high, okHigh := checkQuantity(&found, "limits."+kind, limit)
		if okLow && okHigh && low.Cmp(high) > 0 {
			found.Add(
				"requests."+kind, "is %s, more than limits.%s (%s): Kubernetes refuses such a pod", request, kind,
				limit,
			)
		}
	}
	check("cpu", r.Requests.CPU, r.Limits.CPU)
	check("memory", r.Requests.Memory, r.Limits.Memory)
	return found
}

// labelProblems returns what Kubernetes refuses of labels, by their key.
func labelProblems(labels map[string]string) problem.List {
	var found problem.List
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if wrong := validation.IsQualifiedName(key); len(wrong) > 0 {
			found.Add(key, "%s", wrong[0])
		} else if wrong := validation.IsValidLabelValue(labels[key]); len(wrong) > 0 {
			found.Add(key, "%q: %s", labels[key], wrong[0])
		}
	}
	return found
}

func checkQuantity(found *problem.List, path string, written Quantity) (resource.Quantity, bool) {
	quantity, err := resource.ParseQuantity(string(written))
	if err != nil {
		found.Add(path, "%q is no quantity; want one such as 250m, 2 or 512Mi", string(written))
		return quantity, false
	}
	if quantity.Sign() <= 0 {
		found.Add(path, "is %s, want more than 0", written)
		return quantity, false
	}
	return quantity, true
}

func CheckLabelValue(found *problem.List, path, value string) {
	if value == "" {
		found.Add(path, "is empty: its costs would belong to nobody")
	} else if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 {
		found.Add(path, "%q is no label value: %s", value, wrong[0])
	}
}

func checkPath(found *problem.List, path, value string) {
	if !strings.HasPrefix(value, "/") || strings.ContainsAny(value, " \t\n?#") {
		found.Add(path, "%q is no HTTP path; want one such as /health, without query or spaces", value)
	}
}

// imageName is the distribution project's form: lower-case path after an optional host, then tag, digest or both.
var imageName = regexp.MustCompile(
	`^(?:[a-zA-Z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?$`,
)

func checkImage(found *problem.List, path, image string) {
	parts := imageName.FindStringSubmatch(image)
	switch {
	case parts == nil:
		found.Add(path, "%q is no image name; want one such as registry.example.com/team/app:1.2.3", image)
	case parts[1] == "" && parts[2] == "":
		found.Add(path, "%q has neither tag nor digest: what runs would change without a change here", image)
	case parts[1] == ":latest" && parts[2] == "":
		found.Add(
			path, "%q: the tag latest moves, so what runs would change without a change here; pin a version", image,
		)
	}
}
