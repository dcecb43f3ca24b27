package vpa

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// wireObject holds the fields that are read of a VerticalPodAutoscaler, as the API server sends them.
type wireObject struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		TargetRef struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Name       string `json:"name"`
		} `json:"targetRef"`
		UpdatePolicy struct {
			UpdateMode string `json:"updateMode"`
		} `json:"updatePolicy"`
		ResourcePolicy struct {
			ContainerPolicies []wirePolicy `json:"containerPolicies"`
		} `json:"resourcePolicy"`
	} `json:"spec"`
	Status struct {
		Recommendation struct {
			ContainerRecommendations []wireRecommendation `json:"containerRecommendations"`
		} `json:"recommendation"`
		Conditions []wireCondition `json:"conditions"`
	} `json:"status"`
}

type wirePolicy struct {
	ContainerName       string                `json:"containerName"`
	Mode                string                `json:"mode"`
	MinAllowed          corev1.ResourceList   `json:"minAllowed"`
	MaxAllowed          corev1.ResourceList   `json:"maxAllowed"`
	ControlledResources []corev1.ResourceName `json:"controlledResources"`
}

type wireRecommendation struct {
	ContainerName  string              `json:"containerName"`
	Target         corev1.ResourceList `json:"target"`
	LowerBound     corev1.ResourceList `json:"lowerBound"`
	UpperBound     corev1.ResourceList `json:"upperBound"`
	UncappedTarget corev1.ResourceList `json:"uncappedTarget"`
}

type wireCondition struct {
	Type               string      `json:"type"`
	Status             string      `json:"status"`
	LastTransitionTime metav1.Time `json:"lastTransitionTime"`
	Reason             string      `json:"reason"`
	Message            string      `json:"message"`
}

func (raw wireObject) object() Object {
	object := Object{
		Namespace: raw.Metadata.Namespace, Name: raw.Metadata.Name, Created: raw.Metadata.CreationTimestamp.Time,
		UpdateMode:       raw.Spec.UpdatePolicy.UpdateMode,
		TargetAPIVersion: raw.Spec.TargetRef.APIVersion, TargetKind: raw.Spec.TargetRef.Kind, TargetName: raw.Spec.TargetRef.Name,
	}
	if object.UpdateMode == "" {
		object.UpdateMode = ModeRecreate
	}
	for _, p := range raw.Spec.ResourcePolicy.ContainerPolicies {
		policy := Policy{Container: p.ContainerName, Mode: p.Mode, ControlledResources: p.ControlledResources,
			MinAllowed: p.MinAllowed, MaxAllowed: p.MaxAllowed}
		if policy.Mode == "" {
			policy.Mode = "Auto"
		}
		if policy.ControlledResources == nil { // an empty list is one: nothing is controlled
			policy.ControlledResources = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}
		}
		object.Policies = append(object.Policies, policy)
	}
	for _, r := range raw.Status.Recommendation.ContainerRecommendations {
		object.Recommendations = append(object.Recommendations, Recommendation{
			Container: r.ContainerName, Lower: r.LowerBound, Target: r.Target, Upper: r.UpperBound, Uncapped: r.UncappedTarget,
		})
	}
	object.readConditions(raw.Status.Conditions)
	return object
}

// readConditions takes the message from whichever condition tells more: ConfigUnsupported and NoPodsMatched are the
// causes of which RecommendationProvided is the effect.
func (o *Object) readConditions(conditions []wireCondition) {
	text := map[string]string{}
	for _, c := range conditions {
		isTrue := c.Status == string(metav1.ConditionTrue)
		if c.Type == "RecommendationProvided" {
			o.Provided, o.ProvidedSince = isTrue, c.LastTransitionTime.Time
			isTrue = !isTrue // what it says of itself matters when it is false
		}
		if isTrue {
			text[c.Type] = c.Message
			if c.Message == "" {
				text[c.Type] = c.Reason
			}
		}
	}
	for _, kind := range []string{"ConfigUnsupported", "NoPodsMatched", "RecommendationProvided"} {
		if o.Message == "" {
			o.Message = text[kind]
		}
	}
}
