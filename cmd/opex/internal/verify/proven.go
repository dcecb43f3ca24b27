package verify

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// provenFor is how long a dump is believed to be what it was when it was read: a disk may decay, and no time of change
// tells.
const provenFor = 24 * time.Hour

// Proven keeps the dumps that were read and found whole from one round to the next, so that whoever judges every minute
// does not read them all every minute. Its zero value holds none, and nil keeps none.
type Proven struct {
	mu    sync.Mutex
	dumps map[string]provenDump // by namespace and name of the pod
}

type provenDump struct {
	dump
	pod, backup string // UIDs
}

// dump is the one that was proven in a pod for a backup, or one without a state.
func (p *Proven) dump(pod corev1.Pod, b velero.Backup, now time.Time) dump {
	if p == nil {
		return dump{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.dumps[pod.Namespace+"/"+pod.Name]
	if found.pod != string(pod.UID) || found.backup != b.UID || now.Sub(found.readAt) > provenFor {
		return dump{}
	}
	return found.dump
}

func (p *Proven) keep(pod corev1.Pod, b velero.Backup, d dump) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dumps == nil {
		p.dumps = map[string]provenDump{}
	}
	p.dumps[pod.Namespace+"/"+pod.Name] = provenDump{d, string(pod.UID), b.UID}
}
