package boot

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/node"
)

// The file descriptors that Start hands to Init, after the three standard ones.
const (
	fdLock = 3 + iota
	fdAPI
	fdS3
	fdHTTP
)

// Init is the sandbox's first process. When it ends, however it ends, the kernel ends every other one with it.
func Init(s layout.Sandbox) error {
	// The lock file stays open as long as this process lives; others must not hold it.
	unix.CloseOnExec(fdLock)
	// Until /proc is mounted anew, it is the host's, and shows this process under its number there.
	hostPID, err := os.Readlink("/proc/self")
	if err != nil {
		return err
	}
	if _, err := unix.Pwrite(fdLock, []byte(hostPID), 0); err != nil {
		return fmt.Errorf("write the process id: %w", err)
	}
	listeners := map[int]net.Listener{}
	for _, fd := range []int{fdAPI, fdS3, fdHTTP} {
		unix.CloseOnExec(fd)
		l, err := net.FileListener(os.NewFile(uintptr(fd), "listener"))
		if err != nil {
			return fmt.Errorf("listener %d: %w", fd, err)
		}
		listeners[fd] = l
	}
	keys, err := ReadS3Keys(s)
	if err != nil {
		return err
	}
	first := node.Node{Sandbox: s}
	for _, prepare := range []func() error{
		func() error { return joinCgroup(s) },
		func() error { return unix.Sethostname([]byte(first.Name())) },
		func() error { return mountSandbox(s) },
		func() error { return mountNode(first) },
		func() error { return joinFirst(s.Nodes) },
	} {
		if err := prepare(); err != nil {
			return err
		}
	}

	processes := supervise()
	go forwardTCP(listeners[fdAPI], fmt.Sprintf("%s:%d", layout.NodeAddress(0), layout.APIPort))
	go forwardTCP(listeners[fdS3], fmt.Sprintf("%s:%d", layout.NodeAddress(0), layout.S3Port))
	go func() { log.Print(forwardHTTP(listeners[fdHTTP])) }()

	for _, p := range append([]node.Process{node.S3(keys.Access, keys.Secret)}, node.ControlPlane()...) {
		if err := processes.keep(p, p.Name); err != nil {
			return err
		}
	}
	if err := processes.keepNode(first); err != nil {
		return err
	}
	for i := 1; i < s.Nodes; i++ {
		if err := processes.startFurther(s, i); err != nil {
			return err
		}
	}
	processes.stopOnSignal()
	return nil
}

// InitNode is the first process of a further node: it has a network and mounts of its own.
func InitNode(s layout.Sandbox, index int) error {
	n := node.Node{Sandbox: s, Index: index}
	if err := mountNode(n); err != nil {
		return err
	}
	if err := joinFurther(index, s.Nodes); err != nil {
		return err
	}
	processes := supervise()
	if err := processes.keepNode(n); err != nil {
		return err
	}
	processes.stopOnSignal()
	return nil
}

// supervise returns a supervisor whose reaper runs.
func supervise() *supervisor {
	s := newSupervisor()
	children := make(chan os.Signal, 64)
	signal.Notify(children, syscall.SIGCHLD)
	go s.reap(children)
	return s
}

func (s *supervisor) keepNode(n node.Node) error {
	for path, content := range n.Files() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	for _, p := range n.Processes() {
		if err := s.keep(p, p.Name+"-"+n.Name()); err != nil {
			return err
		}
	}
	return nil
}

// startFurther starts node i and connects it. Its end is logged; the cluster then shows it NotReady, as with a real
// node.
func (s *supervisor) startFurther(sandbox layout.Sandbox, i int) error {
	name := sandbox.NodeName(i)
	logFile, err := openLog(name)
	if err != nil {
		return err
	}
	pid, ended, err := s.start(
		filepath.Join(node.BinMount, "sandbox"),
		[]string{
			"sandbox", "init-node", "--stack", sandbox.Stack, "--instance", sandbox.Instance, "--nodes",
			strconv.Itoa(sandbox.Nodes), "--repo", sandbox.Repo, "--index", strconv.Itoa(i),
		},
		nil,
		logFile,
		&syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET},
	)
	if err != nil {
		return fmt.Errorf("start node %s: %w", name, err)
	}
	go func() { log.Printf("node %s ended (%s)", name, describe(<-ended)) }()
	return attach(i, pid)
}

// stopOnSignal waits to be told to stop, and stops.
func (s *supervisor) stopOnSignal() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	log.Printf("stopping on %s", <-stop)
	s.stop()
}
