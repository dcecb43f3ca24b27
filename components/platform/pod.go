package platform

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/spec"
)

// HTTPPortName is the name of the port that serves HTTP.
const HTTPPortName = "http"

// ServiceUser is nonroot in the images that hold nothing but a program.
const ServiceUser = 65532

// PodSecurity and ContainerSecurity satisfy the restricted Pod Security Standard.
func PodSecurity(user int) *corev1.PodSecurityContextArgs {
	return &corev1.PodSecurityContextArgs{
		RunAsNonRoot: pulumi.Bool(true),
		RunAsUser:    pulumi.Int(user), RunAsGroup: pulumi.Int(user), FsGroup: pulumi.Int(user),
		// Changes the owner of a volume's files only when its root is not right: a large one would delay each start.
		FsGroupChangePolicy: pulumi.String("OnRootMismatch"),
		SeccompProfile:      &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}
}

// ContainerSecurity has no rights and a read-only root.
func ContainerSecurity() *corev1.SecurityContextArgs {
	return &corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false), ReadOnlyRootFilesystem: pulumi.Bool(true),
		Capabilities: &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
}

// ResourcesOf are a container's requests and limits. The disk is a node's, for logs and emptyDirs: what writes without
// end is evicted before it fills the node.
func ResourcesOf(r spec.Resources) *corev1.ResourceRequirementsArgs {
	amounts := func(a spec.Amounts, disk string) pulumi.StringMap {
		return pulumi.StringMap{
			"cpu": pulumi.String(a.CPU), "memory": pulumi.String(a.Memory), "ephemeral-storage": pulumi.String(disk),
		}
	}
	return &corev1.ResourceRequirementsArgs{
		Requests: amounts(r.Requests, diskRequest),
		Limits:   amounts(r.Limits, diskLimit),
	}
}

const (
	diskRequest = "64Mi"
	diskLimit   = "1Gi" // the kubelet keeps five logs of 10 MiB of a container
)

// Probe asks every period seconds and gives up on one answer after timeout seconds; failures in a row count.
func Probe(ask corev1.ProbeArgs, period, timeout, failures int) *corev1.ProbeArgs {
	ask.PeriodSeconds, ask.TimeoutSeconds, ask.FailureThreshold = pulumi.Int(period), pulumi.Int(
		timeout,
	), pulumi.Int(failures)
	return &ask
}

// HTTPGet asks the port that serves HTTP.
func HTTPGet(path string) corev1.ProbeArgs {
	return corev1.ProbeArgs{
		HttpGet: &corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String(HTTPPortName)},
	}
}

// Exec runs a command in the container.
func Exec(command ...string) corev1.ProbeArgs {
	return corev1.ProbeArgs{Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray(command)}}
}

// EmptyDir is a volume on the node that goes with its pod.
func EmptyDir(volume string) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{Name: pulumi.String(volume), EmptyDir: &corev1.EmptyDirVolumeSourceArgs{}}
}

// Port is a container's TCP port.
func Port(name string, number int) *corev1.ContainerPortArgs {
	return &corev1.ContainerPortArgs{
		Name:          pulumi.String(name),
		ContainerPort: pulumi.Int(number),
		Protocol:      pulumi.String("TCP"),
	}
}

// TolerationsOf are tolerations of a pod; nil for none.
func TolerationsOf(tolerations []spec.Toleration) corev1.TolerationArray {
	var all corev1.TolerationArray
	for _, t := range tolerations {
		args := &corev1.TolerationArgs{Key: pulumi.String(t.Key), Operator: pulumi.String(t.Operator)}
		if t.Value != "" {
			args.Value = pulumi.String(t.Value)
		}
		if t.Effect != "" {
			args.Effect = pulumi.String(t.Effect)
		}
		all = append(all, args)
	}
	return all
}
