package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

var (
	pulled     = regexp.MustCompile(`^Successfully pulled image "([^"]+)" in (\S+)(?: \((\S+) including waiting\))?`)
	pullFailed = regexp.MustCompile(`(?i)failed to pull image|ErrImagePull|ImagePullBackOff|back-off pulling image|` +
		`InvalidImageName|ErrImageNeverPull|not present with pull policy of Never`)
)

// pulledEvent is the newest event that tells that an image is there, pulled or not; nil: none does.
func pulledEvent(r evidence.GameDay, image string) *evidence.Event {
	var found *evidence.Event
	for i, e := range r.Events {
		if e.Reason == "Pulled" && strings.Contains(e.Message, `"`+image+`"`) {
			found = &r.Events[i]
		}
	}
	return found
}

// pullTime is how long an event says that its image took, with the wait for other pulls. 0: it was there already.
func pullTime(e evidence.Event) evidence.Seconds {
	parts := pulled.FindStringSubmatch(e.Message)
	if parts == nil {
		return 0
	}
	text := parts[3]
	if text == "" {
		text = parts[2]
	}
	took, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return evidence.InSeconds(took)
}

// imagePull finds images that were fetched while the service waited, those of init containers too, and images that
// cannot be had.
func imagePull(q *inquiry) {
	for _, e := range matching(q.GameDay, pulled, "Pulled") {
		image := pulled.FindStringSubmatch(e.Message)[1]
		name := phaseImage
		if image != q.Settings.Image {
			name = phaseInit
		}
		if p := q.phase(name); p != nil {
			q.claim(p, pullTime(e), q.slowPull(e, image))
		}
	}
	failed := matching(q.GameDay, pullFailed, "Failed", "BackOff", "ErrImageNeverPull", "InspectFailed")
	if len(failed) == 0 {
		q.stillPulling()
		return
	}
	shown := failed
	if named := matching(q.GameDay, regexp.MustCompile(`(?i)image .*"`), "Failed", "BackOff", "ErrImageNeverPull"); len(
		named,
	) > 0 {
		shown = named // others only say ErrImagePull
	}
	f := Finding{Cause: ImagePull, Evidence: append(quote(shown), "pull policy "+q.Settings.PullPolicy),
		Proof: "The same pull fails by hand on the node: `crictl pull` with the image's name.",
		Fix: Fix{
			Words: fmt.Sprintf(
				"The image cannot be had: correct opex:services[%s].image, or the registry, its credentials "+
					"and the way to it. The kubelet "+
					"tries again ever more seldom, after up to 5 min.",
				q.Service,
			),
		}}
	if p := q.phase(phaseImage); p != nil && mentions(failed, q.Settings.Image) {
		q.claim(p, p.Unexplained, f)
	} else if p := q.phase(phaseInit); p != nil {
		q.claim(p, p.Unexplained, f)
	}
}

// stillPulling finds an image whose pull began, and neither ended nor failed yet.
func (q *inquiry) stillPulling() {
	p := q.phase(phaseImage)
	begun := matching(q.GameDay, regexp.MustCompile(`^Pulling image `), "Pulling")
	if p == nil || !mentions(begun, q.Settings.Image) || pulledEvent(q.GameDay, q.Settings.Image) != nil {
		return
	}
	q.claim(
		p,
		p.Unexplained,
		Finding{Cause: ImagePull, Evidence: append(quote(begun), "no word yet that it is there, nor that it failed"),
			Proof: "`kubectl describe pod` says in the end that it was pulled, or why not; `crictl pull` on the node shows how far it is.",
			Fix: Fix{
				Words: fmt.Sprintf(
					"The node still fetches the image: see to the way from the node to the registry; a smaller image, a mirror nearby, or a "+
						"DaemonSet that pulls it on each node makes it quicker. If the name is wrong, correct opex:services[%s].image.",
					q.Service,
				),
			}},
	)
}

func mentions(events []evidence.Event, image string) bool {
	for _, e := range events {
		// Some of the kubelet's messages, such as "Error: ErrImagePull", name no image.
		if strings.Contains(e.Message, `"`+image+`"`) {
			return true
		}
	}
	return false
}

func (q *inquiry) slowPull(e evidence.Event, image string) Finding {
	f := Finding{Cause: ImagePull, Evidence: append(quote([]evidence.Event{e}), "pull policy "+q.Settings.PullPolicy),
		Proof: "A second kill of a pod on the same node, which has the image now, does not show this phase."}
	f.Fix.Words = fmt.Sprintf(
		"Bring %s onto the nodes before it is needed: a smaller image, a registry or mirror nearby, or a "+
			"DaemonSet that pulls it on each node.",
		image,
	)
	if q.Settings.PullPolicy == "Always" {
		f.Proof = "A second kill on the same node shows this phase again, and not with pull policy IfNotPresent."
		f.Fix.Words = "The pull policy Always asks the registry at every start: set imagePullPolicy to IfNotPresent. This program " +
			"sets none, and Kubernetes takes " +
			"IfNotPresent for an image with a tag other than latest: look for a policy that changes it."
	}
	return f
}
