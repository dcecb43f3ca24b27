package review

import (
	"fmt"
	"slices"
	"strings"
)

func imagesArePinned(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		containers := w.allContainers()
		for _, where := range sorted(containers) {
			image := text(containers[where]["image"])
			name := image[strings.LastIndex(image, "/")+1:]
			if _, tag, is := strings.Cut(name, ":"); strings.Contains(name, "@") || is && tag != "latest" {
				continue
			}
			found = append(found, Finding{Object: w.Object, Path: path(where, "image"), Says: fmt.Sprintf("is %q, want a tag other than latest, or a digest", image)})
		}
	}
	return found
}

// podsAreRestricted looks at what is forgotten most: https://kubernetes.io/docs/concepts/security/pod-security-standards/
func podsAreRestricted(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		level := s.level(w.Namespace())
		if level != "restricted" && level != "baseline" {
			continue
		}
		containers := w.allContainers()
		for _, where := range sorted(containers) {
			c := containers[where]
			// What a container says counts, and what its pod says where it says nothing.
			own := func(field string) any {
				if value := get(c, "securityContext."+field); value != nil {
					return value
				}
				return get(w.pod(), "securityContext."+field)
			}
			add := func(field string, is bool, want any) {
				if !is {
					at := path(where, append([]string{"securityContext"}, strings.Split(field, ".")...)...)
					found = append(found, Finding{Object: w.Object, Path: at, Says: fmt.Sprintf("container %s: the namespace is %s, want %v", text(c["name"]), level, want), Fix: []Edit{{at, want}}})
				}
			}
			add("privileged", get(c, "securityContext.privileged") != true, false)
			profile := text(own("seccompProfile.type"))
			add("seccompProfile.type", profile != "Unconfined" && (profile != "" || level == "baseline"), "RuntimeDefault")
			if level == "baseline" {
				continue
			}
			add("runAsNonRoot", own("runAsNonRoot") == true, true)
			add("allowPrivilegeEscalation", get(c, "securityContext.allowPrivilegeEscalation") == false, false)
			add("capabilities.drop", slices.ContainsFunc(list(get(c, "securityContext.capabilities.drop")), func(d any) bool { return text(d) == "ALL" }), []any{"ALL"})
		}
	}
	return found
}

// level is the Pod Security Standard that a namespace enforces.
func (s *world) level(namespace string) string {
	return s.spaces[namespace].labels()["pod-security.kubernetes.io/enforce"]
}
