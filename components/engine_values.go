package components

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Parts of values that several charts share: pods that satisfy the restricted Pod Security Standard, and their sizes.

const nobody = 65534 // user of images without one of their own

// configDigestKey is a pod annotation that changes with the configuration.
const configDigestKey = "opex/config-digest"

type podSecurityValues struct {
	RunAsNonRoot   bool          `json:"runAsNonRoot"`
	RunAsUser      int           `json:"runAsUser"`
	RunAsGroup     int           `json:"runAsGroup"`
	FSGroup        int           `json:"fsGroup"`
	SeccompProfile seccompValues `json:"seccompProfile"`
}

type seccompValues struct {
	Type string `json:"type"`
}

func podSecurityOf(user int) podSecurityValues {
	return podSecurityValues{RunAsNonRoot: true, RunAsUser: user, RunAsGroup: user, FSGroup: user, SeccompProfile: seccompValues{"RuntimeDefault"}}
}

type containerSecurityValues struct {
	AllowPrivilegeEscalation bool                `json:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool                `json:"readOnlyRootFilesystem"`
	Capabilities             map[string][]string `json:"capabilities"`
}

var restrictedContainer = containerSecurityValues{
	ReadOnlyRootFilesystem: true, Capabilities: map[string][]string{"drop": {"ALL"}},
}

type resourceValues struct {
	Requests amountValues `json:"requests"`
	Limits   amountValues `json:"limits"`
}

type amountValues struct {
	CPU    Quantity `json:"cpu"`
	Memory Quantity `json:"memory"`
}

func newResourceValues(cpu, memory, cpuLimit, memoryLimit Quantity) resourceValues {
	return resourceValues{Requests: amountValues{cpu, memory}, Limits: amountValues{cpuLimit, memoryLimit}}
}

// digestOf returns 16 hexadecimal digits that change with any of the values.
func digestOf(values ...any) string {
	data, err := json.Marshal(values)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
