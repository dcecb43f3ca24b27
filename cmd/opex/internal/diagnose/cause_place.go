package diagnose

import (
	"fmt"
	"regexp"
	"strings"
)

var quota = regexp.MustCompile(`exceeded quota`)

// notCreated finds a pod that the API server refuses.
func notCreated(q *inquiry) {
	p := q.phase(phaseCreate)
	if p == nil {
		return
	}
	refused := matching(q.GameDay, nil, "FailedCreate")
	if len(refused) == 0 {
		return // slow, and nothing tells why
	}
	f := Finding{Cause: NotCreated, Evidence: quote(refused),
		Proof: "The condition ReplicaFailure of the ReplicaSet has the same words, and the pod is made as soon as the refusal ends.",
		Fix: Fix{
			Words: "An admission policy or webhook refuses the pod: change what it demands, or the pod, as the message says.",
		}}
	if quota.MatchString(refused[len(refused)-1].Message) {
		f.Fix.Words = "Raise the namespace's ResourceQuota so that it holds one pod more than the replicas: a killed pod counts " +
			"until it is gone. " +
			"Or lower the requests: `opex rightsize` says to what."
	}
	q.claim(p, p.Took, f)
}

var (
	unbound     = regexp.MustCompile(`(?i)persistentvolumeclaim|volume node affinity|volume zone`)
	noRoom      = regexp.MustCompile(`Insufficient (\S+?)[,.]?(?:\s|$)`)
	tainted     = regexp.MustCompile(`untolerated taint`)
	wrongLabels = regexp.MustCompile(`node affinity|node selector|anti-affinity|topology spread`)
)

// scheduling finds a pod that no node takes. One that waits for its volume belongs to the volume.
func scheduling(q *inquiry) {
	p := q.phase(phaseSchedule)
	failed := matching(q.GameDay, nil, "FailedScheduling")
	if p == nil || len(failed) == 0 {
		return
	}
	message := failed[len(failed)-1].Message
	f := Finding{Cause: Scheduling, Evidence: quote(failed),
		Proof: "The condition PodScheduled of the pod has the same words, and the pod starts as soon as a node fits."}
	var words []string
	if rooms := noRoom.FindAllStringSubmatch(message, -1); len(rooms) > 0 {
		var scarce []string
		for _, room := range rooms {
			scarce = append(scarce, room[1])
			if room[1] == "cpu" || room[1] == "memory" {
				f.Fix.Requests = append(f.Fix.Requests, room[1])
			}
		}
		words = append(
			words,
			fmt.Sprintf("No node has room (%s): lower the requests, as far as `opex rightsize` proposes it, or "+
				"add a node, so that one pod more "+
				"than usual fits.", strings.Join(scarce, ", ")),
		)
	}
	if tainted.MatchString(message) {
		words = append(
			words,
			"A node is tainted: mend or uncordon it (`kubectl describe node`); this program's pods tolerate no taints.",
		)
	}
	if wrongLabels.MatchString(message) {
		words = append(words, "The nodes do not fit the pod's rules: label them, or loosen the rules.")
	}
	if unbound.MatchString(message) {
		f.Cause = Volume
		words = append(words, volumeWords)
	}
	if len(words) == 0 {
		words = []string{"The message says what the nodes lack."}
	}
	f.Fix.Words = strings.Join(words, " ")
	q.claim(p, p.Took, f)
}

const volumeWords = "A volume that only one node can have holds the pod up until the old pod and the old node have let go of it: " +
	"give the service's own pods no " +
	"ReadWriteOnce claims, or a StorageClass whose volumes follow quickly, in the zone of the nodes."

var missing = regexp.MustCompile(`(secret|configmap) "?[^"]*"? ?not found`)

// volumes finds a disk or a mount that did not come. Where no moment tells when the volumes were there, it was before
// the sandbox.
func volumes(q *inquiry) {
	p := q.phase(phaseVolumes, phaseSandbox)
	if p == nil {
		return
	}
	failed := matching(q.GameDay, nil, "FailedAttachVolume", "FailedMount", "FailedMapVolume")
	long := p.Name == phaseVolumes && p.Took > p.Usual
	if len(failed) == 0 && !long {
		return
	}
	f := Finding{Cause: Volume, Evidence: quote(failed), Fix: Fix{Words: volumeWords},
		Proof: "The VolumeAttachment turns to attached, or the mount succeeds, at the end of this phase: `kubectl get " +
			"volumeattachment`, kubelet's log."}
	if long {
		f.Evidence = append(
			f.Evidence, fmt.Sprintf("the volumes were there %s after the pod was scheduled", Human(p.Took)),
		)
	}
	if len(q.Settings.Volumes) > 0 {
		f.Evidence = append(
			f.Evidence, fmt.Sprintf("the pod waits for its claims (%s)", strings.Join(q.Settings.Volumes, ", ")),
		)
	}
	if len(failed) > 0 && missing.MatchString(failed[len(failed)-1].Message) {
		f.Fix.Words = "The pod mounts an object that does not exist: make it, or `pulumi up --refresh`, which brings back what " +
			"the program declares."
	}
	q.claim(p, p.Took, f)
}

// sandbox finds a pod whose network or runtime fails.
func sandbox(q *inquiry) {
	p := q.phase(phaseSandbox)
	failed := matching(q.GameDay, nil, "FailedCreatePodSandBox", "NetworkNotReady", "FailedCreatePodContainer")
	if p == nil || len(failed) == 0 {
		return
	}
	q.claim(p, p.Unexplained, Finding{Cause: Sandbox, Evidence: quote(failed),
		Proof: "The log of the node's container runtime or network plugin has the same error at that time.",
		Fix: Fix{
			Words: "The node cannot make the pod's sandbox: mend its network plugin (addresses left?) or runtime. No " +
				"setting of the service changes it.",
		}})
}
