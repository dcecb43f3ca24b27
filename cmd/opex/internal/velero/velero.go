// Package velero reads and makes Velero's objects (velero.io/v1) in the terms that the command needs. The types are its
// own: those of Velero's module would bring its whole dependencies along.
package velero

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// ErrNotInstalled says that the cluster does not know the kind.
var ErrNotInstalled = errors.New("this cluster has no Velero (velero.io/v1): its CustomResourceDefinitions are missing")

// Labels that Velero looks for, and sets itself.
const (
	LabelSchedule = "velero.io/schedule-name" // on a Backup
	LabelBackup   = "velero.io/backup-name"   // on a PodVolumeBackup
	LabelRestore  = "velero.io/restore-name"  // on a PodVolumeRestore
	// LabelExclude, with the value true, keeps an object out of every backup.
	LabelExclude = "velero.io/exclude-from-backup"
)

// AnnotationVolumes of a pod lists the volumes that are copied file by file, with commas between.
const AnnotationVolumes = "backup.velero.io/backup-volumes"

// AnnotationHook ends the annotations of a pod whose command Velero runs in place of every hook of the Backup for it:
// this one and pre.hook.backup.velero.io/command before, post.hook.backup.velero.io/command after (HandleHooks in
// internal/hook of Velero v1.18.3).
const AnnotationHook = "hook.backup.velero.io/command"

// Client speaks to one Velero. Where the kind is missing its methods return ErrNotInstalled; other errors keep that of
// the API server in their chain.
type Client struct {
	Dynamic   dynamic.Interface
	Namespace string // of Velero and of all its objects
}

// Schedule returns a Schedule.
func (c Client) Schedule(ctx context.Context, name string) (Schedule, error) {
	return get(ctx, c, "schedules", name, wireSchedule.schedule)
}

// Backups returns the Backups of a Schedule, of every phase, the newest first.
func (c Client) Backups(ctx context.Context, schedule string) ([]Backup, error) {
	found, err := list(ctx, c, "backups", LabelSchedule+"="+schedule, wireBackup.backup)
	slices.SortStableFunc(found, newestFirst)
	return found, err
}

func newestFirst(a, b Backup) int {
	return cmp.Or(b.When().Compare(a.When()), cmp.Compare(b.Name, a.Name))
}

// Backup returns a Backup.
func (c Client) Backup(ctx context.Context, name string) (Backup, error) {
	return get(ctx, c, "backups", name, wireBackup.backup)
}

// CreateBackup asks for a Backup. The spec is a BackupSpec, such as Schedule.Template; a field that Velero does not
// know is an error.
func (c Client) CreateBackup(ctx context.Context, name string, labels, annotations map[string]string,
	spec map[string]any) (Backup, error) {
	return create(ctx, c, "backups", "Backup", name, labels, annotations, spec, wireBackup.backup)
}

// PodVolumeBackups returns the copies of volumes that a Backup made, sorted by pod and volume.
func (c Client) PodVolumeBackups(ctx context.Context, backup string) ([]PodVolume, error) {
	return c.podVolumes(ctx, "podvolumebackups", LabelBackup, backup)
}

// PodVolumeRestores returns the volumes that a Restore fills, sorted by pod and volume.
func (c Client) PodVolumeRestores(ctx context.Context, restore string) ([]PodVolume, error) {
	return c.podVolumes(ctx, "podvolumerestores", LabelRestore, restore)
}

func (c Client) podVolumes(ctx context.Context, resource, label, of string) ([]PodVolume, error) {
	found, err := list(ctx, c, resource, label+"="+LabelValue(of), wirePodVolume.podVolume)
	slices.SortFunc(found, byPodAndVolume)
	return found, err
}

func byPodAndVolume(a, b PodVolume) int {
	return cmp.Or(
		cmp.Compare(a.PodNamespace, b.PodNamespace), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Volume, b.Volume),
		cmp.Compare(a.Name, b.Name),
	)
}

// CancelPodVolumeRestore gives up filling a volume. A Restore that waits for one that never comes ends only so, and
// keeps all others waiting until then.
func (c Client) CancelPodVolumeRestore(ctx context.Context, name string) error {
	_, err := c.resource("podvolumerestores").Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"cancel":true}}`),
		metav1.PatchOptions{})
	return c.explain(err, "podvolumerestores", name)
}

// Restore returns a Restore.
func (c Client) Restore(ctx context.Context, name string) (Restore, error) {
	return get(ctx, c, "restores", name, wireRestore.restore)
}

// Restores returns all Restores, the newest first.
func (c Client) Restores(ctx context.Context) ([]Restore, error) {
	found, err := list(ctx, c, "restores", "", wireRestore.restore)
	slices.SortStableFunc(found, func(a, b Restore) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.Name, a.Name))
	})
	return found, err
}

// CreateRestore asks for a Restore. The spec is a RestoreSpec; a field that Velero does not know is an error.
func (c Client) CreateRestore(
	ctx context.Context, name string, labels map[string]string, spec map[string]any,
) (Restore, error) {
	return create(ctx, c, "restores", "Restore", name, labels, nil, spec, wireRestore.restore)
}

// DeleteRestore deletes the record of a Restore, with what Velero keeps of it in the bucket; not what was restored. It
// is gone when Velero has taken its finalizer off.
func (c Client) DeleteRestore(ctx context.Context, name string) error {
	return c.explain(c.resource("restores").Delete(ctx, name, metav1.DeleteOptions{}), "restores", name)
}

// StorageLocation returns a BackupStorageLocation.
func (c Client) StorageLocation(ctx context.Context, name string) (StorageLocation, error) {
	return get(ctx, c, "backupstoragelocations", name, wireLocation.location)
}

func (c Client) resource(resource string) dynamic.ResourceInterface {
	kind := schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: resource}
	return c.Dynamic.Resource(kind).Namespace(c.Namespace)
}

// explain tells a kind that is missing from an object that is: the first is answered by no API, in its words.
func (c Client) explain(err error, resource, name string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		return ErrNotInstalled
	case name == "":
		return fmt.Errorf("%s in namespace %s: %w", resource, c.Namespace, err)
	default:
		return fmt.Errorf("%s %s/%s: %w", resource, c.Namespace, name, err)
	}
}

func get[Wire, T any](ctx context.Context, c Client, resource, name string, convert func(Wire) T) (T, error) {
	var none T
	found, err := c.resource(resource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return none, c.explain(err, resource, name)
	}
	return decode(c, resource, *found, convert)
}

func list[Wire, T any](ctx context.Context, c Client, resource, selector string, convert func(Wire) T) ([]T, error) {
	var objects []T
	err := c.each(ctx, resource, selector, func(item unstructured.Unstructured) error {
		object, err := decode(c, resource, item, convert)
		objects = append(objects, object)
		return err
	})
	if err != nil {
		return nil, err
	}
	return objects, nil
}

// pageSize is kubectl's. A hundred services have thousands of backups, and an object as it is sent takes many times
// what is kept of it.
const pageSize = 500

// each hands over all objects of a kind, the first error ends it.
func (c Client) each(ctx context.Context, resource, selector string, take func(unstructured.Unstructured) error) error {
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		page, err := c.resource(resource).List(ctx, options)
		if err != nil {
			return c.explain(err, resource, "")
		}
		for _, item := range page.Items {
			if err := take(item); err != nil {
				return err
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

func create[Wire, T any](
	ctx context.Context, c Client, resource, kind, name string, labels, annotations map[string]string,
	spec map[string]any, convert func(Wire) T,
) (T, error) {
	var none T
	object := &unstructured.Unstructured{Object: map[string]any{"spec": runtime.DeepCopyJSON(spec)}}
	object.SetAPIVersion("velero.io/v1")
	object.SetKind(kind)
	object.SetName(name)
	object.SetNamespace(c.Namespace)
	object.SetLabels(labels)
	object.SetAnnotations(annotations)
	made, err := c.resource(resource).
		Create(ctx, object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		return none, c.explain(err, resource, name)
	}
	return decode(c, resource, *made, convert)
}

func decode[Wire, T any](c Client, resource string, item unstructured.Unstructured, convert func(Wire) T) (T, error) {
	var raw Wire
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &raw); err != nil {
		var none T
		return none, c.explain(err, resource, item.GetName())
	}
	return convert(raw), nil
}

// LabelValue is how Velero writes a name into a label: one that is too long is cut, and ends in the start of its
// checksum (GetValidName in pkg/label of Velero v1.18.3).
func LabelValue(name string) string {
	const longest, tail = 63, 6
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:longest-tail] + hex.EncodeToString(sum[:])[:tail]
}
