package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// aService is the shortest valid entry of opex:services.
const aService = `{"name":"shop","image":"example.com/shop:1.0"}`

// aConfig is a valid config, with one key changed; "" removes it.
func aConfig(t *testing.T, key, value string) map[string]string {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte("apiVersion: v1\nkind: Config\ncontexts: [{name: here}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := map[string]string{
		"opex:environment":       "production",
		"opex:cluster":           asConfig(t, map[string]string{"kubeconfig": kubeconfig, "context": "here"}),
		"opex:namespace":         "",
		"opex:services":          "[" + aService + "]",
		"opex:databasePasswords": "{}",
		"opex:backup":            `{"enabled":false}`,
	}
	config[key] = value
	if value == "" {
		delete(config, key)
	}
	return config
}

func TestLoadAcceptsTheShortestConfigAndFillsDefaults(t *testing.T) {
	config, err := Load(aConfig(t, "pulumi:disable-default-providers", `["*"]`), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	shop := config.Services[0]
	if config.Namespace != "production" || shop.Replicas != 3 || shop.Port != 8000 ||
		shop.Resources.Limits.Memory != "1Gi" ||
		shop.Database != nil {
		t.Errorf("config is %+v", config)
	}
}

func TestObjectsMergeOverDefaultsKeyByKey(t *testing.T) {
	config, err := Load(
		aConfig(
			t, "opex:services", `[{"name":"shop","image":"example.com/shop:1.0","resources":{"limits":{"cpu":2}}}]`,
		),
		nil,
		"",
	)
	if err != nil {
		t.Fatal(err)
	}
	got := config.Services[0].Resources
	if got.Limits.CPU != "2" || got.Limits.Memory != "1Gi" || got.Requests.CPU != "250m" {
		t.Errorf("resources are %+v", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	service := func(change string) string { return "[" + strings.TrimSuffix(aService, "}") + "," + change + "}]" }
	const passwords, services = "opex:databasePasswords", "opex:services"
	cases := map[string]struct{ key, value, says string }{
		"a misspelt key": {
			"opex:enviroment", "staging", "opex:enviroment: is no known key; known are environment, cluster,",
		},
		"another's key": {"kubernetes:context", "ambient", "kubernetes:context: is read by nobody"},
		"a misspelt key below": {
			services, service(`"replica":3`), "opex:services[0].replica: is no known key; known are name, team,",
		},
		"a misspelt key far below": {
			services, service(`"resources":{"requests":{"gpu":"1"}}`),
			"opex:services[0].resources.requests.gpu: is no known key; known are cpu, memory",
		},
		"no environment": {"opex:environment", "", "opex:environment: is missing, and required"},
		"an unknown environment": {
			"opex:environment", "prod", `opex:environment: is "prod", allowed are production and staging`,
		},
		"no cluster":                 {"opex:cluster", "", "opex:cluster: is missing, and required"},
		"a cluster that is a string": {"opex:cluster", "here", `opex:cluster: is "here", want an object`},
		"a cluster of nothing":       {"opex:cluster", "{}", "opex:cluster.kubeconfig: is missing, and required"},
		"an empty kubeconfig": {
			"opex:cluster", `{"kubeconfig":"","context":"here"}`,
			"opex:cluster.kubeconfig: is empty: a default would be",
		},
		"an address that is none": {
			"opex:cluster", `{"kubeconfig":"/dev/null","context":"here","controlPlane":["10.0.0.7/16"]}`,
			`opex:cluster.controlPlane[0]: "10.0.0.7/16" has address bits beyond its mask; want 10.0.0.0/16, or 10.0.0.7/32`,
		},
		"a kubeconfig that is a folder": {
			"opex:cluster", `{"kubeconfig":"/","context":"here"}`, "opex:cluster.kubeconfig: cannot be read: read /",
		},
		"a namespace of the cluster": {
			"opex:namespace", "kube-system", "opex:namespace: is \"kube-system\", which belongs to the cluster",
		},
		"an impossible namespace": {
			"opex:namespace", "My_Space", `opex:namespace: "My_Space": a lowercase RFC 1123 label`,
		},
		"no services": {services, "", "opex:services: is missing, and required"},
		"an empty list of services": {
			services, "[]", "opex:services: is empty: everything that runs would be deleted",
		},
		"services that are no list": {
			services, aService, `opex:services: is {"image":"example.com/shop:1.0","name":"shop"}, want a list`,
		},
		"a service of nothing":   {services, "[{}]", "opex:services[0].name: is missing, and required"},
		"a service that is null": {services, "[null]", "opex:services[0]: has no value"},
		"a number as a string": {
			services, service(`"replicas":"3"`), `opex:services[0].replicas: is "3", want a whole number`,
		},
		"a fraction": {
			services, service(`"replicas":2.5`), `opex:services[0].replicas: is 2.5, want a whole number`,
		},
		"a string as a number": {services, service(`"team":7`), `opex:services[0].team: is 7, want a string`},
		"a key without value": {
			services, service(`"env":null`), "opex:services[0].env: has no value; remove the key",
		},
		"a number in env": {
			services, service(`"env":{"LIMIT":8}`), "opex:services[0].env.LIMIT: is 8, want a string",
		},
		"one replica in production": {
			services, service(`"replicas":1`), "opex:services[0].replicas: is 1, want 2 or more in production",
		},
		"no replicas": {
			services, service(`"replicas":0`), "opex:services[0].replicas: is 0, want 1 or more",
		},
		"requests above limits": {
			services, service(`"resources":{"requests":{"cpu":"2"}}`),
			"opex:services[0].resources.requests.cpu: is 2, more than limits.cpu (500m)",
		},
		"a service twice": {
			services, "[" + aService + "," + aService + "]",
			`opex:services[1].name: "shop": objects named shop would belong to opex:services[0] as well`,
		},
		"a service named as a database": {
			services, `[{"name":"shop","image":"a:1","database":{}},{"name":"shop-db","image":"a:1"}]`,
			`opex:services[1].name: "shop-db": objects named shop-db would belong to`,
		},
		"colliding labels": {
			services, service(`"labels":{"cost_center":"x"}`),
			"opex:services[0].labels: cost-center and cost_center become one key, cost_center, in metrics",
		},
		"no password": {
			services, service(`"database":{}`),
			"opex:databasePasswords.shop: is missing: shop has a database. Set it with: pulumi config set --secret --path opex:databasePasswords.shop",
		},
		"a namespace of an engine": {
			"opex:namespace", "opencost", `opex:namespace: is "opencost", which belongs to an engine`,
		},
		"a switch in words": {
			"opex:cost", `{"enabled":"yes"}`, `opex:cost.enabled: is "yes", want true or false`,
		},
		"half a price list": {
			"opex:cost", `{"prices":{"cpuHour":0.02}}`, "opex:cost.prices.memoryGiBHour: is missing, and required",
		},
		"a price in words": {
			"opex:cost", `{"budgets":{"product-team":"much"}}`,
			`opex:cost.budgets.product-team: is "much", want a number`,
		},
		"a budget for nobody": {
			"opex:cost", `{"budgets":{"other-team":5}}`,
			"opex:cost.budgets.other-team: is for a team without a service; teams are platform-team, product-team",
		},
		"an unknown image": {
			"opex:images", `{"grafana":"grafana:1"}`, "opex:images.grafana: is no image of an engine",
		},
		"an owner that cannot be": {"opex:platform", `{"team":""}`, "opex:platform.team: is empty"},
		"a mode without a reason": {
			services, service(`"rightSizing":{"mode":"Recreate"}`),
			"opex:services[0].rightSizing.mode: is Recreate, which changes pods",
		},
		"two that change the same pods": {
			services,
			service(
				`"rightSizing":{"mode":"Recreate","reason":"nights are idle anyway","horizontallyScaledBy":["cpu"]}`,
			),
			"opex:services[0].rightSizing.mode: is Recreate, while a HorizontalPodAutoscaler",
		},
		"a request outside its bounds": {
			services, service(`"rightSizing":{"min":{"cpu":"400m"}}`),
			"opex:services[0].rightSizing.min.cpu: is 400m, more than the request of 250m",
		},
		"a vault of nothing": {
			"opex:backup", `{}`,
			"opex:backup.bucket: is missing: want 3 to 63 lower-case letters, digits and -, the first and last no -; or switch backups off",
		},
		"an impossible bucket": {
			"opex:backup", `{"bucket":"My.Bucket"}`, `opex:backup.bucket: is "My.Bucket", want 3 to 63`,
		},
		"half an account": {
			"opex:backup", `{"account":"1234"}`, `opex:backup.account: is "1234", want the 12 digits`,
		},
		"an issuer with a scheme": {
			"opex:backup", `{"oidcProvider":"https://oidc.eks.eu-west-1.amazonaws.com/id/1"}`,
			"opex:backup.oidcProvider: is",
		},
		"a store without encryption": {
			"opex:backup", `{"store":{"url":"http://store:9000"}}`,
			`opex:backup.store.url: is "http://store:9000", want https://`,
		},
		"a store and an account": {
			"opex:backup", `{"account":"123456789012","store":{"url":"https://store"}}`,
			"opex:backup.account: is for AWS, and store names another",
		},
		"a store's missing certificate": {
			"opex:backup", `{"store":{"url":"https://store","caFile":"/nowhere.crt"}}`,
			"opex:backup.store.caFile: cannot be read: open /nowhere.crt",
		},
		"a certificate that is none": {
			"opex:backup", `{"store":{"url":"https://store","caFile":"/etc/hostname"}}`,
			"opex:backup.store.caFile: /etc/hostname holds no certificate",
		},
		"keys without encryption": {
			"opex:backup", `{}`, "opex:backupSecrets.repositoryPassword: is missing or shorter than 16 characters",
		},
		"a lock of another kind": {
			"opex:backup", `{"objectLock":{"mode":"strict","days":3}}`,
			`opex:backup.objectLock.mode: is "strict", allowed are governance and compliance`,
		},
		"a lock of no days": {
			"opex:backup", `{"objectLock":{"days":0}}`, "opex:backup.objectLock.days: is 0, want 1 or more",
		},
		"a lock that outlives backups": {
			"opex:backup", `{"objectLock":{"days":31}}`,
			"opex:services[0].backup.ttl: is 720h, and opex:backup.objectLock keeps each object for 31 days",
		},
		"a schedule that is none": {
			services, service(`"backup":{"schedule":"daily"}`),
			`opex:services[0].backup.schedule: "daily" is no cron expression of five fields`,
		},
		"a schedule that is too slow": {
			services, service(`"backup":{"rpo":"4h","schedule":"0 */6 * * *"}`),
			`opex:services[0].backup.schedule: "0 */6 * * *" leaves up to 6h0m0s between two backups, and rpo allows to lose 4h; the cheapest that keeps to it is "0 */4 * * *"`,
		},
		"an objective beyond backups": {
			services, service(`"backup":{"rpo":"1m"}`),
			"opex:services[0].backup.rpo: is 1m, which backups cannot keep to; the shortest is 5m",
		},
		"a TTL of one backup": {
			services, service(`"backup":{"ttl":"24h"}`),
			"opex:services[0].backup.ttl: is 24h, and backups are up to 24h0m0s apart: want 48h0m0s or more",
		},
		"a restore that takes too long": {
			services, service(`"backup":{"expectedSize":"4Gi","rto":"10m"},"database":{}`),
			"opex:services[0].backup.rto: is 10m, and a restore of 4Gi takes about 19m4s at loadPerSecond 4Mi",
		},
		"a dump that has no room": {
			services, service(`"backup":{"expectedSize":"3Gi","rto":"1h"},"database":{"dumpSize":"2Gi"}`),
			"opex:services[0].backup.expectedSize: is 3Gi, and the dump volume has 2Gi",
		},
		"a dump that is too slow": {
			services,
			service(
				`"backup":{"expectedSize":"4Gi","rpo":"1h","rto":"1h","schedule":"0 * * * *","dumpPerSecond":"2Mi"},"database":{}`,
			),
			"opex:services[0].backup.dumpPerSecond: 4Gi of database at 2Mi per second may take",
		},
		"a duration in days": {
			services, service(`"backup":{"ttl":"30d"}`),
			`opex:services[0].backup.ttl: is "30d", want a duration such as 30m or 720h`,
		},
		"half a sentinel": {
			services, service(`"backup":{"sentinel":{"path":"/tasks"}}`),
			"opex:services[0].backup.sentinel.body: is missing, and required",
		},
		"a sentinel that is no JSON": {
			services, service(`"backup":{"sentinel":{"path":"/tasks","body":"{"}}`),
			"opex:services[0].backup.sentinel.body: is no JSON",
		},
		"chaos in production": {
			"opex:chaos", `{"enabled":true}`,
			"opex:chaos.enabled: is true, and the environment is production: chaos is for staging only",
		},
		"a mode of chaos": {
			services, service(`"chaos":{"mode":"all"}`), "opex:services[0].chaos.mode: is no known key",
		},
		"a selector of chaos": {
			services, service(`"chaos":{"selector":{}}`), "opex:services[0].chaos.selector: is no known key",
		},
		"a kill that lasts": {
			services, service(`"chaos":{"duration":"30s"}`),
			"opex:services[0].chaos.duration: is 30s, and pod-kill is over at once",
		},
		"a password for nobody": {
			passwords, `{"shop":"long-enough-password"}`,
			"opex:databasePasswords.shop: is for no service with a database; those are: none",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Load(aConfig(t, c.key, c.value), []string{passwords}, "")
			checkError(t, err, c.says)
			if err != nil && !strings.Contains(err.Error(), "Nothing was changed.") {
				t.Errorf("the error does not say what happened to the stack: %v", err)
			}
		})
	}
}

func TestScheduleWhoseNameIsNoLabelIsRefused(t *testing.T) {
	values := aConfig(t, "opex:backup", "{}")
	values["opex:namespace"] = strings.Repeat("n", 59)
	_, err := Load(values, nil, "")
	checkError(t, err, `opex:services[0].name: makes the Velero Schedule "nnn`)
}

func TestPasswordRefusalsDoNotShowIt(t *testing.T) {
	cases := map[string]struct {
		passwords string
		encrypted bool
		says      string
	}{
		"too short": {`{"shop":"short1"}`, true, "opex:databasePasswords.shop: is shorter than 16 characters"},
		"with a newline": {
			`{"shop":"short1\nshort1short1short1"}`, true,
			"opex:databasePasswords.shop: is shorter than 16 characters or holds",
		},
		"a number": {
			`{"shop":1234567890123456789}`, true,
			"opex:databasePasswords.shop: is a value of another type, want a string",
		},
		"no object": {
			`short1short1short1`, true, "opex:databasePasswords: is a value of another type, want an object",
		},
		"in clear": {`{"shop":"short1short1short1"}`, false, "opex:databasePasswords.shop: is not encrypted."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			values := aConfig(t, "opex:services", `[{"name":"shop","image":"example.com/shop:1.0","database":{}}]`)
			values["opex:databasePasswords"] = c.passwords
			var secretKeys []string
			if c.encrypted {
				secretKeys = []string{"opex:databasePasswords"}
			}
			_, err := Load(values, secretKeys, "")
			checkError(t, err, c.says)
			if err != nil && (strings.Contains(err.Error(), "short1") || strings.Contains(err.Error(), "12345")) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestAllProblemsComeAtOnceAndInTheSameOrder(t *testing.T) {
	values := map[string]string{
		"opex:enviroment": "staging",
		"opex:cluster":    `{"kubeconfig":"/","context":"here"}`,
		"opex:services":   `[{"name":"Shop","image":"shop","replicas":0,"portt":1},{"name":"x","image":"a:latest","resources":{"limits":{"memory":"much"}}}]`,
	}
	var first string
	for range 5 {
		_, err := Load(values, nil, "")
		if err == nil {
			t.Fatal("no error")
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Fatalf("the order changed:\n%s\n%s", first, err)
		}
	}
	for _, path := range []string{"opex:enviroment", "opex:environment", "opex:cluster.kubeconfig", "opex:services[0].portt", "opex:services[0].name",
		"opex:services[0].image", "opex:services[0].replicas", "opex:services[1].image", "opex:services[1].resources.limits.memory"} {
		if !strings.Contains(first, "\n  - "+path+": ") {
			t.Errorf("nothing is said of %s in\n%s", path, first)
		}
	}
}

func TestPulumiYAMLDeclaresExactlyTheKeysOfConfig(t *testing.T) {
	declared := projectKeys(t)
	for _, f := range topLevel(t) {
		key, is := declared[f.key]
		if !is {
			t.Errorf("Pulumi.yaml does not declare %s", f.key)
			continue
		}
		if key.Description != f.doc {
			t.Errorf("%s: Pulumi.yaml says\n%q\nConfig says\n%q", f.key, key.Description, f.doc)
		}
		if key.Type != f.pulumiType {
			t.Errorf("%s: Pulumi.yaml says it is of type %s, Config makes it %s", f.key, key.Type, f.pulumiType)
		}
		delete(declared, f.key)
	}
	delete(declared, "pulumi:disable-default-providers")
	if len(declared) > 0 {
		rest, _ := json.Marshal(declared)
		t.Errorf("Pulumi.yaml declares what Config does not know: %s", rest)
	}
}
