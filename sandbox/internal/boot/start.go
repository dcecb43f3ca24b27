// Package boot starts and stops a sandbox: one process in namespaces of its own (mounts, network, processes, host name,
// IPC) under which everything else runs. Start, Stop and Running are called on the host; Init and InitNode run inside.
package boot

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// ErrRunning is returned by Start when the sandbox runs already.
var ErrRunning = errors.New("the sandbox is running")

// Running returns the process id of the sandbox's first process on the host, and whether it runs. The answer comes from
// a file lock that this process holds for life, so it is right after a kill too.
func Running(s layout.Sandbox) (int, bool, error) {
	lock, err := os.OpenFile(lockPath(s), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		return 0, false, nil
	}
	// The first process writes its id as its first act; until then the lock is held and the file is empty.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		content, err := os.ReadFile(lockPath(s))
		if err != nil {
			return 0, false, err
		}
		if pid, err := strconv.Atoi(string(content)); err == nil {
			return pid, true, nil
		}
	}
	return 0, false, fmt.Errorf(
		"%s is locked, but nobody has written a process id into it: another command is starting this sandbox",
		lockPath(s),
	)
}

// Start starts the sandbox's first process and leaves it running. program is this program's own file.
func Start(s layout.Sandbox, program string) error {
	lock, err := os.OpenFile(lockPath(s), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return ErrRunning
	}
	// An id of the boot before may be somebody else's by now.
	if err := lock.Truncate(0); err != nil {
		return err
	}
	if err := removeCgroups(s); err != nil {
		return fmt.Errorf("remains of the sandbox before: %w", err)
	}
	files := []*os.File{lock}
	ports := s.Ports()
	for _, port := range []int{ports.API, ports.S3, ports.HTTP} {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return fmt.Errorf("host port %d: %w", port, err)
		}
		defer l.Close()
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		defer file.Close()
		files = append(files, file)
	}
	logFile, err := os.Create(LogPath(s, "init"))
	if err != nil {
		return err
	}
	defer logFile.Close()
	command := exec.Command(
		program, "init", "--stack", s.Stack, "--instance", s.Instance, "--nodes", strconv.Itoa(s.Nodes), "--repo",
		s.Repo,
	)
	command.Stdout, command.Stderr, command.ExtraFiles = logFile, logFile, files
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	return command.Process.Release()
}

// Stop ends the sandbox and removes what it left outside its folder. Nothing to do is no error.
func Stop(s layout.Sandbox) error {
	pid, running, err := Running(s)
	if err != nil {
		return err
	}
	if running {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		if !waitGone(s, 10*time.Second) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			if !waitGone(s, 10*time.Second) {
				return fmt.Errorf("process %d of sandbox %s does not end, not even when killed", pid, s.Instance)
			}
		}
	}
	return removeCgroups(s)
}

// Started is when the running sandbox was started.
func Started(s layout.Sandbox) (time.Time, error) {
	info, err := os.Stat(lockPath(s))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func waitGone(s layout.Sandbox, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, running, err := Running(s); err == nil && !running {
			return true
		}
	}
	return false
}

// LogPath is the log of one of the sandbox's programs, as the host sees it.
func LogPath(s layout.Sandbox, name string) string { return s.State("logs", name+".log") }

func lockPath(s layout.Sandbox) string { return filepath.Join(s.State(), "lock") }
