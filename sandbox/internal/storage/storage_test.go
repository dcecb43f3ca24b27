package storage

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/opex-project/opex/sandbox/internal/storage/volume"
	"github.com/opex-project/opex/sandbox/internal/storage/volume/volumetest"
)

func TestMain(m *testing.M) { volumetest.Main(m) }

// on is the provisioner of a node whose volumes lie in an empty folder.
func on(t *testing.T, node string) provisioner {
	t.Helper()
	p := provisioner{node, volume.Folder(t.TempDir())}
	t.Cleanup(func() { _ = unix.Unmount(p.volumes.Path("pv"), 0) })
	return p
}

func asking(size string, mode v1.PersistentVolumeAccessMode, node string) controller.ProvisionOptions {
	return controller.ProvisionOptions{
		StorageClass: &storagev1.StorageClass{ReclaimPolicy: ptr.To(v1.PersistentVolumeReclaimDelete)},
		PVName:       "pv",
		PVC: &v1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data"},
			Spec: v1.PersistentVolumeClaimSpec{
				AccessModes: []v1.PersistentVolumeAccessMode{mode},
				Resources: v1.VolumeResourceRequirements{
					Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse(size)},
				},
			},
		},
		SelectedNodeName: node,
	}
}

func TestProvisionSaysTheTrueSize(t *testing.T) {
	for asked, want := range map[string]string{"1": "16Mi", "15Mi": "16Mi", "16Mi": "16Mi", "100M": "100M", "1Gi": "1Gi"} {
		t.Run(asked, func(t *testing.T) {
			p := on(t, "staging-0")
			pv, _, err := p.Provision(t.Context(), asking(asked, v1.ReadWriteOnce, "staging-0"))
			if err != nil {
				t.Fatal(err)
			}
			if got := pv.Spec.Capacity[v1.ResourceStorage]; got.String() != want {
				t.Errorf("capacity %s, not %s", got.String(), want)
			}
			var disk unix.Statfs_t
			if err := unix.Statfs(pv.Spec.Local.Path, &disk); err != nil {
				t.Fatal(err)
			}
			size, most := int64(disk.Blocks)*disk.Bsize, ptr.To(resource.MustParse(want)).Value()
			if size > most || size < most*7/10 {
				t.Errorf("the file system has %d bytes of %d", size, most)
			}
		})
	}
}

func TestProvisionTwiceGivesOneVolumeAndDeleteTakesItAway(t *testing.T) {
	p := on(t, "staging-0")
	for range 2 {
		if _, _, err := p.Provision(t.Context(), asking("16Mi", v1.ReadWriteOncePod, "staging-0")); err != nil {
			t.Fatal(err)
		}
	}
	pv, _, err := p.Provision(t.Context(), asking("16Mi", v1.ReadWriteOncePod, "staging-0"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Delete(t.Context(), pv); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(string(p.volumes)); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

func TestProvisionRefusesWhatAVolumeOfOneNodeCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		options controller.ProvisionOptions
		want    []string
	}{
		"many writers":     {asking("1Gi", v1.ReadWriteMany, "staging-0"), []string{"shop/data", "ReadWriteMany", "ReadWriteOnce"}},
		"many readers":     {asking("1Gi", v1.ReadOnlyMany, "staging-0"), []string{"shop/data", "ReadOnlyMany", "ReadWriteOnce"}},
		"no node":          {asking("1Gi", v1.ReadWriteOnce, ""), []string{"shop/data", "WaitForFirstConsumer"}},
		"more than a file": {asking("4Ei", v1.ReadWriteOnce, "staging-0"), []string{"shop/data", "4611686018427387904 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := on(t, "staging-0")
			_, _, err := p.Provision(t.Context(), c.options)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if left, err := os.ReadDir(string(p.volumes)); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

func TestEachNodeServesItsOwnClaimsAndVolumesOnly(t *testing.T) {
	own, other := on(t, "staging-0"), on(t, "staging-1")
	other.volumes = own.volumes // the same path on each node
	claim := func(node string) *v1.PersistentVolumeClaim {
		return &v1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"volume.kubernetes.io/selected-node": node}},
		}
	}
	if !own.ShouldProvision(t.Context(), claim("staging-0")) || own.ShouldProvision(t.Context(), claim("staging-1")) {
		t.Error("claims are served on the wrong node")
	}
	if !own.ShouldProvision(t.Context(), &v1.PersistentVolumeClaim{}) {
		t.Error("nobody tells a claim without a node why it gets no volume")
	}
	pv, _, err := own.Provision(t.Context(), asking("16Mi", v1.ReadWriteOnce, "staging-0"))
	if err != nil {
		t.Fatal(err)
	}
	if !own.ShouldDelete(t.Context(), pv) || other.ShouldDelete(t.Context(), pv) {
		t.Error("volumes are deleted on the wrong node")
	}
	for name, spec := range map[string]v1.PersistentVolumeSpec{
		"no local volume":       {},
		"a folder made by hand": {PersistentVolumeSource: v1.PersistentVolumeSource{Local: &v1.LocalVolumeSource{Path: "/srv/data"}}},
	} {
		if own.ShouldDelete(t.Context(), &v1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}, Spec: spec}) {
			t.Errorf("%s is deleted", name)
		}
	}
}
