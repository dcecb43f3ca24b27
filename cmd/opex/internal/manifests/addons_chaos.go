package manifests

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type chaosSpec struct {
	Action   string        `json:"action"`
	Mode     string        `json:"mode"`
	Value    string        `json:"value"`
	Duration string        `json:"duration"`
	Selector chaosSelector `json:"selector"`
	Target   *chaosSpec    `json:"target"`
}

// httpChaosSpec has the side of a request, Request or Response, where a NetworkChaos has its other pods.
type httpChaosSpec struct {
	chaosSpec
	Target string `json:"target"`
}

type chaosSelector struct {
	Namespaces          []string                          `json:"namespaces"`
	LabelSelectors      map[string]string                 `json:"labelSelectors"`
	AnnotationSelectors map[string]string                 `json:"annotationSelectors"`
	FieldSelectors      map[string]string                 `json:"fieldSelectors"`
	ExpressionSelectors []metav1.LabelSelectorRequirement `json:"expressionSelectors"`
	Pods                map[string][]string               `json:"pods"`
	Nodes               []string                          `json:"nodes"`
}

type chaosObject struct {
	object
	Spec chaosSpec `json:"spec"`
}

type httpChaosObject struct {
	object
	Spec httpChaosSpec `json:"spec"`
}

type chaosSchedule struct {
	object
	Spec struct {
		Schedule                string         `json:"schedule"`
		Type                    string         `json:"type"`
		StartingDeadlineSeconds int64          `json:"startingDeadlineSeconds"`
		HistoryLimit            int            `json:"historyLimit"`
		ConcurrencyPolicy       string         `json:"concurrencyPolicy"`
		PodChaos                *chaosSpec     `json:"podChaos"`
		NetworkChaos            *chaosSpec     `json:"networkChaos"`
		StressChaos             *chaosSpec     `json:"stressChaos"`
		IOChaos                 *chaosSpec     `json:"ioChaos"`
		DNSChaos                *chaosSpec     `json:"dnsChaos"`
		HTTPChaos               *httpChaosSpec `json:"httpChaos"`
		TimeChaos               *chaosSpec     `json:"timeChaos"`
	} `json:"spec"`
}

// templated is an Argo Rollout: what it has of a Deployment.
type templated struct {
	object
	Spec struct {
		Replicas *int32                 `json:"replicas"`
		Selector *metav1.LabelSelector  `json:"selector"`
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

type deploymentConfig struct {
	object
	Spec struct {
		Replicas int32                   `json:"replicas"`
		Selector map[string]string       `json:"selector"`
		Template *corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}
