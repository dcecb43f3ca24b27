package platform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/opex-project/opex/components/spec"
)

// Parts of values that several charts share: pods that satisfy the restricted Pod Security Standard, and their sizes.

const Nobody = 65534 // user of images without one of their own

// ConfigDigestKey is a pod annotation that changes with the configuration.
const ConfigDigestKey = "opex/config-digest"

type PodSecurityValues struct {
	RunAsNonRoot   bool          `json:"runAsNonRoot"`
	RunAsUser      int           `json:"runAsUser"`
	RunAsGroup     int           `json:"runAsGroup"`
	FSGroup        int           `json:"fsGroup"`
	SeccompProfile SeccompValues `json:"seccompProfile"`
}

type SeccompValues struct {
	Type string `json:"type"`
}

func PodSecurityOf(user int) PodSecurityValues {
	return PodSecurityValues{
		RunAsNonRoot:   true,
		RunAsUser:      user,
		RunAsGroup:     user,
		FSGroup:        user,
		SeccompProfile: SeccompValues{"RuntimeDefault"},
	}
}

type ContainerSecurityValues struct {
	AllowPrivilegeEscalation bool                `json:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool                `json:"readOnlyRootFilesystem"`
	Capabilities             map[string][]string `json:"capabilities"`
}

var RestrictedContainer = ContainerSecurityValues{
	ReadOnlyRootFilesystem: true, Capabilities: map[string][]string{"drop": {"ALL"}},
}

type ResourceValues struct {
	Requests AmountValues `json:"requests"`
	Limits   AmountValues `json:"limits"`
}

type AmountValues struct {
	CPU    spec.Quantity `json:"cpu"`
	Memory spec.Quantity `json:"memory"`
}

func NewResourceValues(cpu, memory, cpuLimit, memoryLimit spec.Quantity) ResourceValues {
	return ResourceValues{Requests: AmountValues{cpu, memory}, Limits: AmountValues{cpuLimit, memoryLimit}}
}

// DigestOf returns 16 hexadecimal digits that change with any of the values.
func DigestOf(values ...any) string {
	data, err := json.Marshal(values)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Enabled switches a part of a chart.
type Enabled struct {
	Enabled bool `json:"enabled"`
}

// VolumeMount is a mount of a container.
type VolumeMount struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath"`
}
