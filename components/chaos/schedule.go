package chaos

import (
	"fmt"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// The types below are the fields of a Schedule of Chaos Mesh (chaos-mesh.org/v1alpha1) that are set here.

type scheduleSpec struct {
	Type                    string      `json:"type"`
	Schedule                string      `json:"schedule"`
	ConcurrencyPolicy       string      `json:"concurrencyPolicy"`
	HistoryLimit            int         `json:"historyLimit"`
	StartingDeadlineSeconds int         `json:"startingDeadlineSeconds,omitempty"`
	PodChaos                *experiment `json:"podChaos,omitempty"`
	NetworkChaos            *experiment `json:"networkChaos,omitempty"`
	StressChaos             *experiment `json:"stressChaos,omitempty"`
}

// experiment holds the fields of all three kinds.
type experiment struct {
	Mode           string     `json:"mode"`
	Selector       selector   `json:"selector"`
	Action         string     `json:"action,omitempty"`
	Duration       string     `json:"duration,omitempty"`
	GracePeriod    int        `json:"gracePeriod,omitempty"` // Chaos Mesh drops a 0, which would be drift for ever
	ContainerNames []string   `json:"containerNames,omitempty"`
	Direction      string     `json:"direction,omitempty"`
	Stressors      *stressors `json:"stressors,omitempty"`
}

type selector struct {
	Namespaces     []string          `json:"namespaces"`
	LabelSelectors map[string]string `json:"labelSelectors"`
}

type stressors struct {
	CPU    *cpuStressor    `json:"cpu,omitempty"`
	Memory *memoryStressor `json:"memory,omitempty"`
}

type cpuStressor struct {
	Workers int `json:"workers"`
	Load    int `json:"load"`
}

type memoryStressor struct {
	Workers int    `json:"workers"`
	Size    string `json:"size"`
}

// scheduleOf is the spec of a service's Schedule.
func scheduleOf(s spec.Service, namespace string, labels platform.Labels) scheduleSpec {
	e := s.Chaos
	schedule := scheduleSpec{Type: e.Kind, ConcurrencyPolicy: "Forbid", HistoryLimit: 1}
	if e.Schedule == "" {
		schedule.Schedule = "@yearly" // there must be one; paused, it never comes
	} else {
		schedule.Schedule = e.Schedule
		schedule.StartingDeadlineSeconds = int(e.StartingDeadline.Value().Seconds())
	}
	one := experimentOf(s, namespace, labels)
	switch e.Kind {
	case "PodChaos":
		schedule.PodChaos = &one
	case "NetworkChaos":
		schedule.NetworkChaos = &one
	case "StressChaos":
		schedule.StressChaos = &one
	}
	return schedule
}

// experimentOf hits one pod of the service's own, never of its database, in its namespace.
func experimentOf(s spec.Service, namespace string, labels platform.Labels) experiment {
	e := s.Chaos
	one := experiment{
		Mode:     "one",
		Selector: selector{Namespaces: []string{namespace}, LabelSelectors: labels.Identity(platform.ComponentAPI)},
	}
	if e.Duration != "" {
		one.Duration = e.Duration.Value().String()
	}
	switch e.Kind {
	case "PodChaos":
		one.Action, one.GracePeriod = e.Action, e.GraceSeconds
		if e.Action == spec.ActionContainerKill {
			one.ContainerNames = []string{s.Name}
		}
	case "NetworkChaos":
		one.Action, one.Direction = e.Action, "both"
	case "StressChaos":
		one.Stressors = &stressors{}
		if e.Stress.CPUWorkers > 0 {
			one.Stressors.CPU = &cpuStressor{Workers: e.Stress.CPUWorkers, Load: e.Stress.CPULoad}
		}
		if e.Stress.Memory != "" {
			one.Stressors.Memory = &memoryStressor{Workers: 1, Size: fmt.Sprintf("%.0fB", spec.Bytes(e.Stress.Memory))}
		}
	}
	return one
}
