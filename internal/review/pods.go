package review

import (
	"fmt"
	"slices"
	"strings"
)

const standardsPage = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"

func imagesArePinned(s *world) (found []Finding) {
	for _, w := range s.making {
		for _, c := range w.containersOf("containers", "initContainers") {
			image := text(c.fields["image"])
			if _, tag := imageName(image); strings.Contains(image, "@") || tag != "" && tag != "latest" {
				continue
			}
			found = append(
				found,
				Finding{
					Object: w.Object,
					Path:   path(c.at, "image"),
					Says:   fmt.Sprintf("is %q, want a tag other than latest, or a digest", image),
				},
			)
		}
	}
	return found
}

// level is the Pod Security Standard that a namespace enforces.
func (s *world) level(namespace string) string {
	return s.spaces[namespace].labels()["pod-security.kubernetes.io/enforce"]
}

// podsAreSecure looks at what is written in pods and the standards forbid.
func podsAreSecure(s *world) (found []Finding) {
	for _, w := range s.making {
		level := s.level(w.declared())
		if level != "restricted" && level != "baseline" {
			continue
		}
		c := security{w: w, level: level}
		c.pod()
		for _, one := range w.containersOf("containers", "initContainers") {
			c.container(one)
		}
		found = append(found, c.found...)
	}
	return found
}

// security collects what one workload's pods lack.
type security struct {
	w     *workload
	level string
	found []Finding
}

func (c *security) add(at []string, says string, fix any) {
	f := Finding{Object: c.w.Object, Path: at, Says: fmt.Sprintf("%s: the namespace is %s", says, c.level)}
	if fix != nil {
		f.Fix = []Edit{{at, fix}}
	}
	c.found = append(c.found, f)
}

// freeSysctls may be set at the baseline level.
var freeSysctls = []string{
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.ping_group_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_wmem",
}

// restrictedVolumes are the kinds of volumes at the restricted level.
var restrictedVolumes = []string{
	"name",
	"configMap",
	"csi",
	"downwardAPI",
	"emptyDir",
	"ephemeral",
	"persistentVolumeClaim",
	"projected",
	"secret",
	"image",
}

func (c *security) pod() {
	for _, field := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if get(c.w.pod(), field) == true {
			c.add(path(c.w.field("spec."+field)), "is true, want false", nil)
		}
	}
	for i, v := range list(get(c.w.pod(), "volumes")) {
		at := path(c.w.field("spec.volumes." + itoa(i)))
		if get(v, "hostPath") != nil {
			c.add(append(at, "hostPath"), fmt.Sprintf("volume %s is a path of the node", text(get(v, "name"))), nil)
			continue
		}
		for _, kind := range sorted(asMap(v)) {
			if c.level == "restricted" && !slices.Contains(restrictedVolumes, kind) {
				c.add(
					append(at, kind), fmt.Sprintf("volume %s is of a kind that is not allowed", text(get(v, "name"))),
					nil,
				)
			}
		}
	}
	for i, one := range list(get(c.w.pod(), "securityContext.sysctls")) {
		if name := text(get(one, "name")); !slices.Contains(freeSysctls, name) {
			c.add(
				path(c.w.field("spec.securityContext.sysctls."+itoa(i))), fmt.Sprintf("sysctl %s is not allowed", name),
				nil,
			)
		}
	}
	if get(c.w.pod(), "securityContext.windowsOptions.hostProcess") == true {
		c.add(path(c.w.field("spec.securityContext.windowsOptions.hostProcess")), "is true, want false", nil)
	}
}

// freeCapabilities may be added at the baseline level.
var freeCapabilities = []string{
	"AUDIT_WRITE",
	"CHOWN",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"KILL",
	"MKNOD",
	"NET_BIND_SERVICE",
	"SETFCAP",
	"SETGID",
	"SETPCAP",
	"SETUID",
	"SYS_CHROOT",
}

func (c *security) container(one container) {
	// What a container says counts, and what its pod says where it says nothing.
	own := func(field string) any {
		if value := one.get("securityContext." + field); value != nil {
			return value
		}
		return get(c.w.pod(), "securityContext."+field)
	}
	require := func(field string, is bool, want any) {
		if !is {
			c.add(
				path(one.at, append([]string{"securityContext"}, strings.Split(field, ".")...)...),
				fmt.Sprintf("container %s: want %v", one.name(), want), want,
			)
		}
	}
	require("privileged", one.get("securityContext.privileged") != true, false)
	profile := text(own("seccompProfile.type"))
	require(
		"seccompProfile.type", profile != "Unconfined" && (profile != "" || c.level == "baseline"), "RuntimeDefault",
	)
	for i, p := range list(one.get("ports")) {
		if number(get(p, "hostPort"), 0) != 0 {
			c.add(
				path(one.at, "ports", itoa(i), "hostPort"),
				fmt.Sprintf("container %s takes a port of the node", one.name()), nil,
			)
		}
	}
	free := freeCapabilities
	if c.level == "restricted" {
		free = []string{"NET_BIND_SERVICE"}
	}
	for i, added := range textList(one.get("securityContext.capabilities.add")) {
		if !slices.Contains(free, strings.TrimPrefix(added, "CAP_")) {
			c.add(
				path(one.at, "securityContext", "capabilities", "add", itoa(i)),
				fmt.Sprintf("container %s adds the capability %s", one.name(), added), nil,
			)
		}
	}
	if mount := text(one.get("securityContext.procMount")); mount != "" && mount != "Default" {
		c.add(path(one.at, "securityContext", "procMount"), fmt.Sprintf("container %s: want Default", one.name()), nil)
	}
	if c.level == "baseline" {
		return
	}
	require("runAsNonRoot", own("runAsNonRoot") == true, true)
	if own("runAsUser") == 0.0 {
		c.add(path(one.at, "securityContext", "runAsUser"), fmt.Sprintf("container %s runs as root", one.name()), nil)
	}
	require("allowPrivilegeEscalation", one.get("securityContext.allowPrivilegeEscalation") == false, false)
	require(
		"capabilities.drop", slices.Contains(textList(one.get("securityContext.capabilities.drop")), "ALL"),
		[]any{"ALL"},
	)
}
