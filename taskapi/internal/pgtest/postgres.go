// Package pgtest runs a real PostgreSQL server for tests, from Debian's package, on a free loopback port.
//
// The server listens on TCP and asks for a password, as in a cluster, so that refused connections, authentication and
// restarts behave as they do there. It dies with the test process, even when that is killed.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// User and Password are the superuser's of every server that Start makes.
const (
	User     = "task_api"
	Password = "s3cr3t-Pa55word-of-the-tests"
)

// binDir holds the server's programs: Debian keeps them out of PATH, in a folder per major version.
const binDir = "/usr/lib/postgresql/15/bin"

// Server is one PostgreSQL server with a data folder of its own.
type Server struct {
	Host string
	Port int

	dir  string
	cred *syscall.Credential
	cmd  *exec.Cmd
	log  bytes.Buffer
	done chan error
}

// Start makes a new server, for a test that stops it, and removes it when the test ends. With -short it skips the test;
// without the server's programs it fails it.
func Start(tb testing.TB) *Server {
	tb.Helper()
	demand(tb)
	s, err := create()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.remove)
	return s
}

// Shared is one server for all the tests of a package that leave it running, each with a Database of its own. The
// package's TestMain must be Main.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	demand(tb)
	var err error
	if shared == nil {
		if shared, err = create(); err != nil {
			tb.Fatal(err)
		}
	}
	return shared
}

var shared *Server

// Main runs a package's tests and removes the Shared server.
func Main(m *testing.M) int {
	code := m.Run()
	if shared != nil {
		shared.remove()
	}
	return code
}

func demand(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs a real PostgreSQL server: not with -short")
	}
	if _, err := os.Stat(filepath.Join(binDir, "postgres")); err != nil {
		tb.Fatalf(
			"no PostgreSQL server: %v: install Debian's package postgresql-15, or leave these tests out with -short",
			err,
		)
	}
}

func create() (*Server, error) {
	s := &Server{Host: "127.0.0.1"}
	var err error
	if s.cred, err = credential(); err != nil {
		return nil, err
	}
	if s.Port, err = freePort(); err != nil {
		return nil, err
	}
	// Not a test's own folder: its parent belongs to root alone, and the server runs as another user.
	if s.dir, err = os.MkdirTemp("", "pgtest-"); err != nil {
		return nil, err
	}
	pwfile := s.Path("pw")
	if err := os.WriteFile(pwfile, []byte(Password), 0o600); err != nil {
		return nil, err
	}
	if s.cred != nil {
		for _, p := range []string{s.dir, pwfile} {
			if err := os.Chown(p, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
				return nil, err
			}
		}
	}
	out, err := s.command("initdb", "-D", s.data(), "-U", User, "--pwfile="+pwfile, "-A", "scram-sha-256", "-E", "UTF8",
		"--locale=C", "--no-sync").CombinedOutput()
	if err == nil {
		err = s.up()
	}
	if err != nil {
		_ = os.RemoveAll(s.dir)
		return nil, fmt.Errorf("PostgreSQL: %w\n%s", err, out)
	}
	return s, nil
}

func (s *Server) remove() {
	_ = s.end(syscall.SIGQUIT)
	_ = os.RemoveAll(s.dir)
}

// Up starts a stopped server on its old port and returns once it answers.
func (s *Server) Up(tb testing.TB) {
	tb.Helper()
	if err := s.up(); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) up() error {
	cmd := s.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.Port), "-k", s.dir,
		"-c", "listen_addresses="+s.Host, "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60")
	s.log.Reset()
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	started, done := make(chan error), make(chan error, 1)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that forked ends, so that thread is kept.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			done <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.cmd, s.done = cmd, done
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := s.try("postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case exit := <-s.done:
			s.cmd = nil
			return fmt.Errorf("ended while starting: %v\n%s", exit, s.log.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			_ = s.end(syscall.SIGQUIT)
			return fmt.Errorf("does not answer after 30 s: %w", err)
		}
	}
}

// Stop ends the server as a rollout does (a fast shutdown: clients are cut off), and waits.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGINT); err != nil {
		tb.Fatal(err)
	}
}

// Crash ends the server at once, without a checkpoint, as an evicted node does.
func (s *Server) Crash(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGQUIT); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) end(sig syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	cmd := s.cmd
	s.cmd = nil
	if err := cmd.Process.Signal(sig); err != nil {
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		return fmt.Errorf("PostgreSQL did not stop within 20 s of %v", sig)
	}
}

// Database makes an empty database and returns its name.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	if err := s.try("postgres", "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	return name
}

// Env returns libpq's variables for a database, as KEY=VALUE pairs.
func (s *Server) Env(database string) []string {
	return []string{"PGHOST=" + s.Host, "PGPORT=" + strconv.Itoa(s.Port), "PGUSER=" + User,
		"PGDATABASE=" + database, "PGPASSWORD=" + Password, "PGSSLMODE=disable"}
}

// Conn opens a connection of the test's own, closed when the test ends.
func (s *Server) Conn(tb testing.TB, database string) *pgx.Conn {
	tb.Helper()
	c, err := s.connect(tb.Context(), database)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// Run runs one of PostgreSQL's programs (pg_dump, pg_restore, ...) with the server's credentials and returns its
// output.
func (s *Server) Run(tb testing.TB, program string, args ...string) []byte {
	tb.Helper()
	cmd := s.command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// Path returns a path inside a folder that the server's programs may write.
func (s *Server) Path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binDir, program), args...)
	cmd.Dir = s.dir
	cmd.Env = append(s.Env("postgres"), "PATH=/usr/bin:/bin", "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	return cmd
}

func (s *Server) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, strings.Join([]string{"host=" + s.Host, "port=" + strconv.Itoa(s.Port), "user=" + User,
		"password=" + Password, "dbname=" + database, "sslmode=disable", "connect_timeout=2"}, " "))
}

func (s *Server) try(database, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := s.connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, sql)
	return err
}

// credential is the user the server runs as: the server refuses root.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no user postgres: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid) // numbers, on every Unix
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
