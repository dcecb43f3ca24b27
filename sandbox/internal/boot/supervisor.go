package boot

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/opex-project/opex/sandbox/internal/node"
)

// readyTimeout bounds the wait for one program; a busy two-core machine needs about ten seconds for the slowest.
const readyTimeout = 2 * time.Minute

// supervisor starts programs, restarts those that end, and reaps every child, its own and the orphans that come to
// process 1.
type supervisor struct {
	mu   sync.Mutex
	done map[int]chan syscall.WaitStatus
	// stopping ends the restarts.
	stopping bool
}

func newSupervisor() *supervisor {
	return &supervisor{done: map[int]chan syscall.WaitStatus{}}
}

// reap runs for ever. It is the only place that waits for children: os/exec's Wait would race with it.
func (s *supervisor) reap(signals <-chan os.Signal) {
	for range signals {
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
			s.mu.Lock()
			if ended, ours := s.done[pid]; ours {
				ended <- status
				delete(s.done, pid)
			}
			s.mu.Unlock()
		}
	}
}

// start starts a file. The channel receives its end.
func (s *supervisor) start(
	file string, argv, env []string, logFile *os.File, attr *syscall.SysProcAttr,
) (int, <-chan syscall.WaitStatus, error) {
	s.mu.Lock() // until it is registered, or the reaper could miss a program that ends at once
	defer s.mu.Unlock()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	process, err := os.StartProcess(file, argv, &os.ProcAttr{
		Env: append(os.Environ(), env...), Files: []*os.File{null, logFile, logFile}, Sys: attr,
	})
	if err != nil {
		return 0, nil, err
	}
	pid, ended := process.Pid, make(chan syscall.WaitStatus, 1)
	s.done[pid] = ended
	return pid, ended, process.Release() // the reaper waits for it
}

// keep starts a program, waits until it is ready, and from then on restarts it whenever it ends.
func (s *supervisor) keep(p node.Process, logName string) error {
	logFile, err := openLog(logName)
	if err != nil {
		return err
	}
	file := p.File
	if file == "" {
		file = "kube"
	}
	run := func() (<-chan syscall.WaitStatus, error) {
		_, ended, err := s.start(
			filepath.Join(node.BinMount, file), append([]string{p.Name}, p.Args...), p.Env, logFile, nil,
		)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", p.Name, err)
		}
		return ended, nil
	}
	ended, err := run()
	if err != nil {
		return err
	}
	go func() {
		for began := time.Now(); ; began = time.Now() {
			status := <-ended
			pause := time.Second
			if time.Since(began) > time.Minute {
				pause = 0 // it had worked: no reason to wait
			}
			for {
				if s.isStopping() {
					return
				}
				log.Printf("%s ended (%s); starting it again in %s", p.Name, describe(status), pause)
				time.Sleep(pause)
				if ended, err = run(); err == nil {
					break
				}
				log.Print(err)
				pause = time.Second
			}
		}
	}()
	return waitReady(p)
}

// stop asks every program to end and waits for them, 5 s at most.
func (s *supervisor) stop() {
	s.mu.Lock()
	s.stopping = true
	for pid := range s.done {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	s.mu.Unlock()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s.mu.Lock()
		left := len(s.done)
		s.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

func (s *supervisor) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// waitReady returns once the program's address answers, or an error after readyTimeout.
func waitReady(p node.Process) error {
	if p.Ready == "" {
		return nil
	}
	target, err := url.Parse(p.Ready)
	if err != nil {
		return err
	}
	// The certificate is the sandbox's own and this only asks "are you up"; every other client checks it.
	client := &http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	var last error
	for deadline := time.Now().Add(readyTimeout); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		switch target.Scheme {
		case "https":
			answer, err := client.Get(p.Ready)
			if err != nil {
				last = err
				continue
			}
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Errorf("it answers %s", answer.Status)
		default:
			dialer := net.Dialer{Timeout: time.Second}
			connection, err := dialer.DialContext(context.Background(), target.Scheme, target.Host+target.Path)
			if err == nil {
				return connection.Close()
			}
			last = err
		}
	}
	return fmt.Errorf("%s is not ready after %s: %w", p.Name, readyTimeout, last)
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "killed by " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// openLog opens a program's log; the boot before keeps its own beside it.
func openLog(name string) (*os.File, error) {
	path := node.State("logs", name+".log")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.Rename(path, path+".old"); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}
