package kubernetes

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// immutableFields are, by group and kind, the fields whose change replaces the object, as the official plugin has them.
// A [*] stands for every item of a list.
var immutableFields = map[string][]string{
	"/PersistentVolume":      prefixed("spec", "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
	"/PersistentVolumeClaim": prefixed("spec", "accessModes", "selector", "storageClassName", "volumeName"),
	"/Pod": append(append(prefixed("spec", "affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy",
		"enableServiceLinks", "hostAliases", "hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "nodeName",
		"nodeSelector", "overhead", "preemptionPolicy", "priority", "priorityClassName", "readinessGates", "restartPolicy",
		"runtimeClassName", "schedulerName", "securityContext", "serviceAccount", "serviceAccountName",
		"shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds", "volumes"),
		prefixed("spec.containers[*]", containerFields...)...),
		prefixed("spec.initContainers[*]", containerFields...)...),
	"/ResourceQuota":   {"spec.scopes"},
	"/Secret":          {"type"},
	"/Service":         {"spec.clusterIP"},
	"apps/DaemonSet":   {"spec.selector"},
	"apps/Deployment":  {"spec.selector"},
	"apps/StatefulSet": prefixed("spec", "podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"),
	"batch/Job":        prefixed("spec", "completions", "parallelism", "selector", "template"),
	"rbac.authorization.k8s.io/ClusterRoleBinding": {"roleRef"},
	"rbac.authorization.k8s.io/RoleBinding":        {"roleRef"},
	"storage.k8s.io/StorageClass":                  {"parameters", "provisioner"},
}

var containerFields = []string{"args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports",
	"readinessProbe", "resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath",
	"terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir"}

func prefixed(prefix string, fields ...string) []string {
	var paths []string
	for _, field := range fields {
		paths = append(paths, prefix+"."+field)
	}
	return paths
}

// replacingFields are the fields of an object whose change replaces it. Secrets and ConfigMaps are replaced when their
// contents change, so that what mounts them under a made-up name rolls with them, unless the provider says otherwise.
func replacingFields(object map[string]any, c Config) []string {
	u := &unstructured.Unstructured{Object: object}
	gvk := u.GroupVersionKind()
	fields := append([]string{"metadata.name", "metadata.namespace"}, immutableFields[gvk.Group+"/"+gvk.Kind]...)
	immutable := object["immutable"] == true
	if gvk.Group == "" {
		if gvk.Kind == "Secret" && (immutable || !c.SecretMutable) {
			fields = append(fields, "data", "stringData")
		}
		if gvk.Kind == "ConfigMap" && (immutable || !c.ConfigMapMutable) {
			fields = append(fields, "data", "binaryData")
		}
	}
	return fields
}

// replaces says whether a change touches one of the fields: it lies in the field, or it brings in a part of which the
// field is a part.
func (c change) replaces(fields []string) bool {
	for _, field := range fields {
		if c.touches(strings.Split(strings.ReplaceAll(field, "[*]", ".*"), ".")) {
			return true
		}
	}
	return false
}

func (c change) touches(field []string) bool {
	for i, want := range field {
		if i == len(c.path) {
			return holds(c.new, field[i:])
		}
		switch step := c.path[i].(type) {
		case int:
			if want != "*" {
				return false
			}
		case string:
			if want != step {
				return false
			}
		}
	}
	return true
}

// holds says whether a value has something at the path.
func holds(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	if path[0] == "*" {
		list, _ := v.([]any)
		for _, item := range list {
			if holds(item, path[1:]) {
				return true
			}
		}
		return false
	}
	m, _ := v.(map[string]any)
	next, ok := m[path[0]]
	return ok && holds(next, path[1:])
}
