package build

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// Alone keeps two builds of one repository apart: they would write the same files. It waits for the other's end, and
// says so. The lock ends with the process at the latest.
func Alone(s layout.Sandbox, note func(string)) (release func(), err error) {
	if err := os.MkdirAll(s.Shared(), 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(s.Shared("build.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		note("another command builds here: waiting for its end")
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	return func() { _ = lock.Close() }, nil
}
