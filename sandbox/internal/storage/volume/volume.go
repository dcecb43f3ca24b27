// Package volume makes volumes that hold no more than they were asked for: each is an ext4 file system in a sparse file
// of its own, mounted by a loop device. Mount and device end with the last process that can see them; the file stays.
package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	mount "k8s.io/mount-utils"
	"k8s.io/utils/exec"
)

// MinBytes is the size of the smallest volume: below it, ext4 has little room for anything but its own tables and
// journal.
const MinBytes = 16 << 20

// suffix is the end of an image's name; the name before it is the volume's.
const suffix = ".img"

// Folder holds the volumes of one node: for a volume v its image v.img, which is mounted on the folder v beside it. A
// folder without an image is a volume of unlimited size, made before sizes were enforced; it is used as it is.
type Folder string

// format is how images are formatted. The journal of a new file needs no zeros written: 8 GiB start with 4 MiB of disk.
var format = []string{"-q", "-b4096", "-i16384", "-E", "lazy_journal_init=1"}

// mounter calls Debian's mount, fsck and mkfs. To make one runs a program, so nobody has it made who mounts nothing.
func mounter() *mount.SafeFormatAndMount {
	return mount.NewSafeFormatAndMount(mount.NewWithoutSystemd(""), exec.New())
}

// Path is where the volume is mounted.
func (f Folder) Path(name string) string { return filepath.Join(string(f), name) }

func (f Folder) image(name string) string { return f.Path(name) + suffix }

// Make makes a volume of this many bytes, which must be MinBytes or more, and mounts it. A volume that is there already
// stays as it is; one that cannot be made leaves nothing. The file system's own tables and journal count: of 64 MiB, 59
// are for files.
func (f Folder) Make(name string, bytes int64) error {
	err := f.allocate(name, bytes)
	if err == nil {
		err = f.mount(name)
	}
	if err == nil {
		// Pods run as any user; fsGroup narrows it where they ask for it.
		err = os.Chmod(f.Path(name), 0o777)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make a volume of %d bytes: %w", bytes, err), f.Remove(name))
	}
	return nil
}

// allocate makes the image. It has its name only once it has its size, so that no boot meets half of one.
func (f Folder) allocate(name string, bytes int64) error {
	if _, err := os.Stat(f.image(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := f.Path(name) + ".new"
	if err := os.WriteFile(unfinished, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(unfinished, bytes); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return os.Rename(unfinished, f.image(name))
}

// mount mounts a volume unless it is mounted. An image without a file system gets one; any other is checked first,
// which also replays the journal of one that was not unmounted.
func (f Folder) mount(name string) error {
	if err := os.MkdirAll(f.Path(name), 0o755); err != nil {
		return err
	}
	mounted, err := mounter().IsMountPoint(f.Path(name))
	if err != nil || mounted {
		return err
	}
	// With discard, the disk gets back the room of files that are deleted in the volume.
	err = mounter().FormatAndMountSensitiveWithFormatOptions(
		f.image(name), f.Path(name), "ext4", []string{"loop", "discard"}, nil, format,
	)
	if err != nil {
		return fmt.Errorf("mount the volume %s: %w", f.image(name), err)
	}
	return nil
}

// MountAll mounts every volume that the folder holds, and reports all that cannot be mounted. No pod may start before:
// it would write into the empty folder that lies below.
func (f Folder) MountAll() error {
	images, err := filepath.Glob(f.image("*"))
	if err != nil {
		return err
	}
	var problems []error
	for _, image := range images {
		problems = append(problems, f.mount(strings.TrimSuffix(filepath.Base(image), suffix)))
	}
	return errors.Join(problems...)
}

// Remove unmounts a volume and deletes all that it holds. A volume that is gone is no error.
func (f Folder) Remove(name string) error {
	mounted, err := mounter().IsMountPoint(f.Path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if mounted {
		if err := mounter().Unmount(f.Path(name)); err != nil {
			return err
		}
	}
	if err := os.Remove(f.image(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(f.Path(name))
}
