package vpa

import (
	"context"
	"math"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
)

// Checkpoint is what the recommender keeps of a container's history, written about once a minute. One that keeps its
// history in Prometheus (its flag --storage) writes none.
type Checkpoint struct {
	Autoscaler, Container   string
	FirstSample, LastSample time.Time // zero: no sample yet
	Samples                 int       // of CPU, one per minute and pod
	Updated                 time.Time // when it was written last
}

// Days is how much history the recommender counts, by its own measure (getConfidence in recommender/logic/estimator.go
// of VPA v1.8.1): days between the first and the last sample, and no more than the samples that one pod gives in so
// many days.
func (c Checkpoint) Days() float64 {
	if c.FirstSample.IsZero() || c.LastSample.IsZero() {
		return 0
	}
	const minutes = 24 * 60
	return max(0, math.Min(c.LastSample.Sub(c.FirstSample).Minutes()/minutes, float64(c.Samples)/minutes))
}

// Checkpoints returns all checkpoints of a namespace. A cluster without the kind is ErrNotInstalled.
func Checkpoints(ctx context.Context, client dynamic.Interface, namespace string) ([]Checkpoint, error) {
	return list(ctx, client, namespace, "verticalpodautoscalercheckpoints", func(raw wireCheckpoint) Checkpoint {
		return Checkpoint{
			Autoscaler: raw.Spec.VPAObjectName, Container: raw.Spec.ContainerName,
			FirstSample: raw.Status.FirstSampleStart.Time, LastSample: raw.Status.LastSampleStart.Time,
			Samples: raw.Status.TotalSamplesCount, Updated: raw.Status.LastUpdateTime.Time,
		}
	})
}

// wireCheckpoint holds the fields that are read of a VerticalPodAutoscalerCheckpoint.
type wireCheckpoint struct {
	Spec struct {
		VPAObjectName string `json:"vpaObjectName"`
		ContainerName string `json:"containerName"`
	} `json:"spec"`
	Status struct {
		LastUpdateTime    metav1.Time `json:"lastUpdateTime"`
		FirstSampleStart  metav1.Time `json:"firstSampleStart"`
		LastSampleStart   metav1.Time `json:"lastSampleStart"`
		TotalSamplesCount int         `json:"totalSamplesCount"`
	} `json:"status"`
}
