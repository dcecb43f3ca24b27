package stacks

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/chaos"
	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/proof"
	"github.com/opex-project/opex/components/size"
	"github.com/opex-project/opex/internal/problem"
)

const minPasswordLength = 16

// engineNamespaces belong to engines.
var engineNamespaces = []string{
	cost.OpenCostNamespace,
	cost.PrometheusNamespace,
	size.Namespace,
	backup.Namespace,
	chaos.Namespace,
	proof.Namespace,
}

// check adds what only the config as a whole can show, after what the decoder has found.
func (c Config) check(problems *problem.List, secretKeys []string, folder string) {
	if _, known := profiles[c.Environment]; !known {
		problems.Add("opex:environment", "is %q, allowed are production and staging", c.Environment)
	}
	problems.AddAll("opex:cluster.", c.Cluster.problems(folder))
	if wrong := validation.IsDNS1123Label(c.Namespace); len(wrong) > 0 && c.Namespace != "" {
		problems.Add("opex:namespace", "%q: %s", c.Namespace, wrong[0])
	} else if strings.HasPrefix(c.Namespace, "kube-") || c.Namespace == "default" {
		problems.Add("opex:namespace", "is %q, which belongs to the cluster itself", c.Namespace)
	} else if slices.Contains(engineNamespaces, c.Namespace) {
		problems.Add("opex:namespace", "is %q, which belongs to an engine", c.Namespace)
	}
	problems.AddAll("opex:cost.", c.Cost.Problems())
	problems.AddAll("opex:platform.", c.Platform.Problems())
	problems.AddAll("opex:images.", c.Images.Problems())
	problems.AddAll("opex:charts.", c.Charts.Problems())
	problems.AddAll("opex:nodes.", c.Nodes.Problems())
	c.checkBudgets(problems)
	if len(c.Services) == 0 {
		problems.Add("opex:services", "is empty: everything that runs would be deleted. `pulumi destroy` does that")
	}
	c.checkServices(problems)
	c.checkPasswords(problems, slices.Contains(secretKeys, keyPrefix+"databasePasswords"))
	problems.AddAll("opex:exporter.", c.Exporter.Problems())
	problems.AddAll("opex:chaos.", c.Chaos.Problems(c.Environment))
	c.checkBackup(problems, slices.Contains(secretKeys, keyPrefix+"backupSecrets"), folder)
}

// checkBackup looks at the vault, and at what each service's plan asks of it.
func (c Config) checkBackup(problems *problem.List, encrypted bool, folder string) {
	problems.AddAll("opex:backup.", c.Backup.Problems())
	if c.Backup.Enabled {
		if missing := c.BackupSecrets.Problems(c.Backup); !missing.Empty() {
			problems.AddAll("opex:backupSecrets.", missing)
			problems.Add(
				"opex:backupSecrets",
				"is set with: pulumi config set --secret --path opex:backupSecrets.repositoryPassword, and so on",
			)
		} else if !encrypted {
			problems.Add("opex:backupSecrets", "is not encrypted. Choose new ones and set them with: pulumi config set --secret --path opex:backupSecrets.repositoryPassword, and so on")
		}
		if _, err := c.storeCertificate(folder); err != nil {
			problems.Add("opex:backup.store.caFile", "%v", err)
		}
	}
	for i, service := range c.Services {
		problems.AddAll(servicePath(i)+".", c.Backup.ServiceProblems(service, c.Namespace))
		problems.AddAll(servicePath(i)+".", c.Chaos.ServiceProblems(service))
	}
}

// storeCertificate reads the certificate authority of an S3-compatible store, in PEM. It is empty where none is named.
func (c Config) storeCertificate(folder string) (string, error) {
	if c.Backup.Store == nil || c.Backup.Store.CAFile == "" {
		return "", nil
	}
	path, err := fromProject(folder, c.Backup.Store.CAFile)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	if block, _ := pem.Decode(data); block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return string(data), nil
}

func (c Config) checkServices(problems *problem.List) {
	owner := map[string]string{} // of each object's name
	for i, service := range c.Services {
		path := servicePath(i)
		problems.AddAll(path+".", service.Problems())
		if least := c.profile().minReplicas; service.Replicas < least {
			problems.Add(
				path+".replicas", "is %d, want %d or more in %s: a single pod is a gap at each rollout and drain",
				service.Replicas, least, c.Environment,
			)
		}
		names := []string{service.Name}
		if service.Database != nil {
			names = append(names, service.Name+"-db", service.Name+"-db-headless")
		}
		for _, name := range names {
			if other, taken := owner[name]; taken {
				problems.Add(path+".name", "%q: objects named %s would belong to %s as well", service.Name, name, other)
			}
			owner[name] = path
		}
	}
}

// checkBudgets finds budgets that would never be compared with anything.
func (c Config) checkBudgets(problems *problem.List) {
	teams := []string{c.Platform.Team}
	for _, service := range c.Services {
		teams = append(teams, service.Team)
	}
	slices.Sort(teams)
	teams = slices.Compact(teams)
	for _, team := range slices.Sorted(maps.Keys(c.Cost.Budgets)) {
		if !slices.Contains(teams, team) {
			problems.Add(
				"opex:cost.budgets."+team, "is for a team without a service; teams are %s", strings.Join(teams, ", "),
			)
		}
	}
}

func (c Config) checkPasswords(problems *problem.List, encrypted bool) {
	needed := map[string]bool{}
	for _, service := range c.Services {
		if service.Database == nil {
			continue
		}
		needed[service.Name] = true
		path := "opex:databasePasswords." + service.Name
		password, given := c.DatabasePasswords[service.Name]
		set := "pulumi config set --secret --path " + path
		switch {
		case !given:
			problems.Add(path, "is missing: %s has a database. Set it with: %s", service.Name, set)
		case len(password) < minPasswordLength || strings.ContainsFunc(password, unprintable):
			problems.Add(
				path,
				"is shorter than %d characters or holds other than printable ASCII without spaces. Set it with: %s",
				minPasswordLength, set,
			)
		case !encrypted:
			problems.Add(path, "is not encrypted. Choose a new one and set it with: %s", set)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.DatabasePasswords)) {
		if !needed[name] {
			problems.Add("opex:databasePasswords."+name, "is for no service with a database; those are: %s",
				cmp.Or(strings.Join(slices.Sorted(maps.Keys(needed)), ", "), "none"))
		}
	}
}

func unprintable(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }

func servicePath(i int) string { return fmt.Sprintf("opex:services[%d]", i) }
