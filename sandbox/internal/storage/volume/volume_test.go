package volume

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opex-project/opex/sandbox/internal/storage/volume/volumetest"
)

// holderEnv makes the test program the first process of namespaces of its own that makes a volume in this folder and
// waits.
const holderEnv = "VOLUME_TEST_HOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(holderEnv); folder != "" {
		hold(Folder(folder))
	}
	volumetest.Main(m)
}

func hold(f Folder) {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = f.Make("v", MinBytes)
	}
	if err == nil {
		err = writeSynced(filepath.Join(f.Path("v"), "row"), "kept")
	}
	fmt.Println(err)
	for {
		time.Sleep(time.Hour)
	}
}

// folder returns an empty folder. It unmounts the test's volumes before the testing package deletes them.
func folder(t *testing.T) Folder {
	t.Helper()
	f := Folder(t.TempDir())
	t.Cleanup(func() {
		paths, _ := filepath.Glob(f.Path("*"))
		for _, path := range paths {
			_ = unix.Unmount(path, 0) // not all are mounted
		}
	})
	return f
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeSynced(path, content string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Sync(), file.Close())
}

func expectContent(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, not %q: %v", path, got, want, err)
	}
}

// loopDevices are the loop devices of an image, a line each.
func loopDevices(t *testing.T, image string) string {
	t.Helper()
	out, err := exec.Command("losetup", "--associated", image).Output()
	ok(t, err)
	return string(out)
}

func expectFree(t *testing.T, image string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); loopDevices(t, image) != ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) { // a moment is the host's: its device manager may look at a device that goes
			t.Fatalf("left: %s", loopDevices(t, image))
		}
	}
}

func TestAVolumeOf32MiBRefusesThe33rdMiB(t *testing.T) {
	f := folder(t)
	ok(t, f.Make("v", 32<<20))
	file, err := os.Create(filepath.Join(f.Path("v"), "full"))
	ok(t, err)
	defer file.Close()
	written := 0
	for ; written < 33 && err == nil; written++ {
		_, err = file.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("after %d MiB: %v", written, err)
	}
	if written < 27 {
		t.Errorf("only %d MiB of 32 can be used", written)
	}
}

func TestAnEmptyVolumeOf8GiBTakesLittleDisk(t *testing.T) {
	f := folder(t)
	ok(t, f.Make("v", 8<<30))
	var image unix.Stat_t
	ok(t, unix.Stat(f.image("v"), &image))
	if taken := image.Blocks * 512; image.Size != 8<<30 || taken > 16<<20 {
		t.Errorf("%d bytes, of which %d take disk", image.Size, taken)
	}
}

func TestAnyUserMayWriteIntoAVolume(t *testing.T) {
	f := folder(t)
	ok(t, f.Make("v", MinBytes))
	info, err := os.Stat(f.Path("v"))
	ok(t, err)
	if info.Mode().Perm() != 0o777 {
		t.Errorf("mode %s", info.Mode())
	}
}

func TestMakeTwiceGivesOneVolumeAndKeepsWhatItHolds(t *testing.T) {
	f := folder(t)
	ok(t, f.Make("v", MinBytes))
	ok(t, writeSynced(filepath.Join(f.Path("v"), "row"), "kept"))
	ok(t, f.Make("v", MinBytes))
	expectContent(t, filepath.Join(f.Path("v"), "row"), "kept")
	if devices := loopDevices(t, f.image("v")); strings.Count(devices, "\n") != 1 {
		t.Errorf("loop devices: %q", devices)
	}
}

func TestRemoveLeavesNoFileAndNoLoopDeviceAndMayBeRepeated(t *testing.T) {
	f := folder(t)
	ok(t, f.Make("v", MinBytes))
	kept := filepath.Join(t.TempDir(), "another name of the image") // by which its loop device is found
	ok(t, os.Link(f.image("v"), kept))
	if loopDevices(t, kept) == "" {
		t.Fatal("the image has no loop device: nothing would show that it goes")
	}
	for range 2 {
		ok(t, f.Remove("v"))
		if left, err := os.ReadDir(string(f)); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	expectFree(t, kept)
}

func TestARefusedSizeLeavesNothing(t *testing.T) {
	f := folder(t)
	if err := f.Make("v", 1<<62); err == nil {
		t.Error("made a volume of 4 EiB")
	}
	if left, err := os.ReadDir(string(f)); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestMoreVolumesThanTheMachineHasLoopDevicesReady(t *testing.T) {
	f := folder(t)
	for i := range 12 {
		ok(t, f.Make(fmt.Sprint(i), MinBytes))
	}
	for i := range 12 {
		if loopDevices(t, f.image(fmt.Sprint(i))) == "" {
			t.Errorf("volume %d has no loop device", i)
		}
	}
}

// TestAKilledNamespaceGivesItsVolumesBack: nothing unmounts them but the kernel, when the last process that sees them
// ends.
func TestAKilledNamespaceGivesItsVolumesBack(t *testing.T) {
	f := folder(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderEnv+"="+string(f))
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	out, err := holder.StdoutPipe()
	ok(t, err)
	ok(t, holder.Start())
	t.Cleanup(func() { _ = holder.Process.Kill() })
	var said string
	if _, err := fmt.Fscanln(out, &said); err != nil || said != "<nil>" {
		t.Fatalf("the holder: %q, %v", said, err)
	}
	if loopDevices(t, f.image("v")) == "" {
		t.Fatal("the volume is not mounted: nothing would show that it is given back")
	}
	ok(t, holder.Process.Kill())
	_ = holder.Wait()
	expectFree(t, f.image("v"))
	ok(t, f.MountAll())
	expectContent(t, filepath.Join(f.Path("v"), "row"), "kept")
}

// TestMountAllRecoversAVolumeWhoseMachineLostPower takes a mounted volume's image as it is on the disk.
func TestMountAllRecoversAVolumeWhoseMachineLostPower(t *testing.T) {
	before, after := folder(t), folder(t)
	ok(t, before.Make("v", MinBytes))
	ok(t, writeSynced(filepath.Join(before.Path("v"), "row"), "kept"))
	image, err := os.ReadFile(before.image("v"))
	ok(t, err)
	ok(t, os.WriteFile(after.image("v"), image, 0o600))
	header, err := exec.Command("dumpe2fs", "-h", after.image("v")).Output()
	if err != nil || !strings.Contains(string(header), "needs_recovery") {
		t.Fatalf("nothing is to be recovered: %v\n%s", err, header)
	}
	ok(t, after.MountAll())
	expectContent(t, filepath.Join(after.Path("v"), "row"), "kept")
	ok(t, after.MountAll()) // and again, as nothing is left to mount
}

func TestMountAllReportsEveryVolumeThatCannotBeMounted(t *testing.T) {
	f := folder(t)
	ok(t, f.Make("good", MinBytes))
	ok(t, unix.Unmount(f.Path("good"), 0))
	for _, name := range []string{"bad", "worse"} {
		ok(t, os.WriteFile(f.image(name), nil, 0o600))
	}
	err := f.MountAll()
	if err == nil || !strings.Contains(err.Error(), f.image("bad")) ||
		!strings.Contains(err.Error(), f.image("worse")) {
		t.Errorf("%v", err)
	}
	if loopDevices(t, f.image("good")) == "" {
		t.Error("the good volume was left out")
	}
}

func TestAFolderOfAnOlderSandboxIsKeptAndRemoved(t *testing.T) {
	f := folder(t)
	ok(t, os.MkdirAll(f.Path("old"), 0o777))
	ok(t, writeSynced(filepath.Join(f.Path("old"), "row"), "kept"))
	ok(t, f.MountAll())
	expectContent(t, filepath.Join(f.Path("old"), "row"), "kept")
	ok(t, f.Remove("old"))
	if _, err := os.Stat(f.Path("old")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}
