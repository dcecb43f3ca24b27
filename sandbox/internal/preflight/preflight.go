// Package preflight finds out, before anything is changed, whether a sandbox can be made on this machine. It reports
// every problem at once.
package preflight

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// Free disk that a sandbox needs, in GiB: for the first build with its caches, and for one that is built.
const (
	firstGiB = 15
	builtGiB = 2
)

// Machine is what the checks look at.
type Machine struct {
	OS      string
	UserID  int
	FreeGiB float64
	// PortError tells why a loopback port cannot be listened on; nil if it can.
	PortError func(port int) error
	// LoopError tells why no loop device can be asked for; nil if one can.
	LoopError error
}

// Packages are the Debian packages that a sandbox needs, each with a file that tells whether it is installed.
var Packages = map[string]string{
	"e2fsprogs":                   "/usr/sbin/mkfs.ext4",
	"gcc":                         "/usr/bin/gcc",          // Chaos Mesh's daemon is partly in C
	"libc6-dev":                   "/usr/include/stdlib.h", // and its library
	"ipset":                       "/usr/sbin/ipset",       // by these two, kube-router enforces NetworkPolicies
	"iptables":                    "/usr/sbin/iptables",
	"mount":                       "/usr/bin/mount",
	"runc":                        "/usr/sbin/runc",
	"containernetworking-plugins": "/usr/lib/cni/bridge",
	"nftables":                    "/usr/sbin/nft",
	"mmdebstrap":                  "/usr/bin/mmdebstrap",
}

// ThisMachine looks at the machine it runs on. folder is where the sandbox's state will lie.
func ThisMachine(folder string) (Machine, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return Machine{}, fmt.Errorf("free disk of %s: %w", folder, err)
	}
	return Machine{
		OS: runtime.GOOS, UserID: os.Geteuid(),
		FreeGiB:   float64(disk.Bavail) * float64(disk.Bsize) / (1 << 30),
		PortError: portError,
		LoopError: loopError(),
	}, nil
}

// Check returns every reason for which the sandbox cannot be made, or nil. built says that nothing is left to compile,
// running that the sandbox is up and holds its ports itself.
func Check(m Machine, s layout.Sandbox, built, running bool) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if m.OS != "linux" {
		problem(
			"the sandbox runs on Linux, this is %s: use a Linux machine, or point the stack at a cluster you have (README.md says how)",
			m.OS,
		)
	}
	if m.UserID != 0 {
		problem(
			"the sandbox makes namespaces, mounts and cgroups and must run as root, not as user %d: try `sudo make up`",
			m.UserID,
		)
	} else if m.LoopError != nil {
		problem("volumes are mounted by loop devices, and this machine gives none: %w: load the kernel's module (`modprobe loop`); "+
			"in a container, let it have /dev and all devices, or use a virtual machine", m.LoopError)
	}
	need := float64(firstGiB)
	if built {
		need = builtGiB
	}
	if m.FreeGiB < need {
		problem(
			"%.1f GiB of disk are free, %.0f GiB are needed: free some, or move the repository to a larger disk",
			m.FreeGiB, need,
		)
	}
	if !running {
		ports := s.Ports()
		for _, p := range []struct {
			port int
			use  string
		}{{ports.API, "the API server"}, {ports.S3, "the S3 server"}, {ports.HTTP, "the services"}} {
			if err := m.PortError(p.port); err != nil {
				problem(
					"port %d of 127.0.0.1, for %s, cannot be used: %w: stop what listens there (`ss -ltnp sport = :%d` shows it)",
					p.port, p.use, err, p.port,
				)
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("sandbox %s cannot start; nothing was changed:\n%w", s.Instance, errors.Join(problems...))
}

// MissingPackages lists the Debian packages that are not installed.
func MissingPackages() []string {
	var missing []string
	for name, file := range Packages {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// InstallPackages installs Debian packages.
func InstallPackages(names []string) error {
	for _, args := range [][]string{
		{"apt-get", "update", "-q"},
		append([]string{"apt-get", "install", "-qy", "--no-install-recommends"}, names...),
	} {
		command := exec.Command(args[0], args[1:]...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if said, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, said)
		}
	}
	return nil
}

func portError(port int) error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return errors.Unwrap(err)
	}
	return l.Close()
}

func loopError() error {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return control.Close()
}
