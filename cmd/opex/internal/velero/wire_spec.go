package velero

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// wireTemplate is a BackupSpec, read and as it was sent.
type wireTemplate struct {
	wireBackupSpec
	raw map[string]any
}

func (t *wireTemplate) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &t.raw); err != nil {
		return err
	}
	return json.Unmarshal(data, &t.wireBackupSpec)
}

// wireBackupSpec holds the fields that are read of a BackupSpec.
type wireBackupSpec struct {
	IncludedNamespaces []string               `json:"includedNamespaces"`
	ExcludedNamespaces []string               `json:"excludedNamespaces"`
	LabelSelector      *metav1.LabelSelector  `json:"labelSelector"`
	OrLabelSelectors   []metav1.LabelSelector `json:"orLabelSelectors"`
	TTL                metav1.Duration        `json:"ttl"`
	StorageLocation    string                 `json:"storageLocation"`
	Hooks              struct {
		Resources []wireHooks `json:"resources"`
	} `json:"hooks"`
}

type wireHooks struct {
	Name               string                `json:"name"`
	IncludedNamespaces []string              `json:"includedNamespaces"`
	LabelSelector      *metav1.LabelSelector `json:"labelSelector"`
	Pre                []wireHook            `json:"pre"`
	Post               []wireHook            `json:"post"`
}

type wireHook struct {
	Exec struct {
		Container string          `json:"container"`
		Command   []string        `json:"command"`
		OnError   string          `json:"onError"`
		Timeout   metav1.Duration `json:"timeout"`
	} `json:"exec"`
}

func (raw wireBackupSpec) selectors() []metav1.LabelSelector {
	if raw.LabelSelector != nil { // Velero refuses both
		return []metav1.LabelSelector{*raw.LabelSelector}
	}
	return raw.OrLabelSelectors
}

func (raw wireBackupSpec) hooks() []Hook {
	var all []Hook
	for _, r := range raw.Hooks.Resources {
		add := func(hooks []wireHook, pre bool) {
			for _, h := range hooks {
				all = append(
					all,
					Hook{
						Name:       r.Name,
						Container:  h.Exec.Container,
						Command:    h.Exec.Command,
						Timeout:    h.Exec.Timeout.Duration,
						OnError:    h.Exec.OnError,
						Pre:        pre,
						Namespaces: r.IncludedNamespaces,
						selector:   r.LabelSelector,
					},
				)
			}
		}
		add(r.Pre, true)
		add(r.Post, false)
	}
	return all
}
