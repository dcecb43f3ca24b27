package components

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// podSecurity and containerSecurity satisfy the restricted Pod Security Standard.
func podSecurity(user int64) *corev1.PodSecurityContext {
	// Changes the owner of a volume's files only when its root is not right: a large one would delay each start.
	onRootMismatch := corev1.FSGroupChangeOnRootMismatch
	return &corev1.PodSecurityContext{
		RunAsNonRoot: new(true), RunAsUser: &user, RunAsGroup: &user, FSGroup: &user, FSGroupChangePolicy: &onRootMismatch,
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func containerSecurity() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// resources must have been checked: a quantity that is none panics.
func resources(r Resources) corev1.ResourceRequirements {
	list := func(a Amounts) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(string(a.CPU)), corev1.ResourceMemory: resource.MustParse(string(a.Memory)),
		}
	}
	return corev1.ResourceRequirements{Requests: list(r.Requests), Limits: list(r.Limits)}
}

// probe asks every period seconds and gives up on one answer after timeout seconds; failures in a row count.
func probe(ask corev1.ProbeHandler, period, timeout, failures int32) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: ask, PeriodSeconds: period, TimeoutSeconds: timeout, FailureThreshold: failures}
}

func httpGet(path string) corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(httpPortName)}}
}

func exec(command ...string) corev1.ProbeHandler {
	return corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: command}}
}

func emptyDir(volume string) corev1.Volume {
	return corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}
