package kubernetes

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// The tests run against a real API server, one for all of them: each test has a namespace of its own.
var server = sync.OnceValues(startServer)

// stopServer ends the processes and removes their files.
var stopServer = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	stopServer()
	os.Exit(code)
}

// kubeconfig returns the path of a kubeconfig for the test server, which it starts if need be.
func kubeconfig(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no API server")
	}
	path, err := server()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startServer boots etcd, kube-apiserver and kube-controller-manager on free ports of the loopback.
func startServer() (path string, err error) {
	binary := os.Getenv("OPEX_KUBE_BIN")
	if binary == "" {
		if binary, err = filepath.Abs("../../../.sandbox/bin/kube"); err != nil {
			return "", err
		}
	}
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("these tests need the sandbox's Kubernetes binary: %w; run `make build`, or set OPEX_KUBE_BIN to its path, or pass -short", err)
	}
	dir, err := os.MkdirTemp("", "kubernetes-plugin-")
	if err != nil {
		return "", err
	}
	var running []*exec.Cmd
	stopServer = func() {
		for i := len(running) - 1; i >= 0; i-- {
			_ = running[i].Process.Kill()
			_ = running[i].Wait()
		}
		_ = os.RemoveAll(dir)
	}
	start := func(name string, args ...string) error {
		link := filepath.Join(dir, name)
		if err := os.Symlink(binary, link); err != nil {
			return err
		}
		log, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			return err
		}
		cmd := exec.Command(link, args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
		// A test that is killed must not leave servers behind.
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			return err
		}
		running = append(running, cmd)
		return nil
	}
	ports, err := freePorts(3)
	if err != nil {
		return "", err
	}
	etcd, peer, api := fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d", ports[1]), ports[2]
	if err := writeServerFiles(dir, api); err != nil {
		return "", err
	}
	if err := start("etcd", "--data-dir", filepath.Join(dir, "etcd-data"), "--unsafe-no-fsync", "--listen-client-urls", etcd,
		"--advertise-client-urls", etcd, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default="+peer); err != nil {
		return "", err
	}
	if err := start("kube-apiserver", "--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", fmt.Sprint(api),
		"--cert-dir", filepath.Join(dir, "certs"), "--service-cluster-ip-range", "10.96.0.0/16",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", filepath.Join(dir, "sa.key"),
		"--service-account-signing-key-file", filepath.Join(dir, "sa.key"), "--token-auth-file", filepath.Join(dir, "tokens.csv"),
		"--authorization-mode", "RBAC"); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "kubeconfig")
	if err := awaitServer(path); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "kube-apiserver.log"))
		return "", fmt.Errorf("%w; its log ends with: %s", err, log[max(0, len(log)-2000):])
	}
	if err := start("kube-controller-manager", "--kubeconfig", path, "--use-service-account-credentials=false",
		"--service-account-private-key-file", filepath.Join(dir, "sa.key"), "--leader-elect=false", "--secure-port", "0"); err != nil {
		return "", err
	}
	return path, nil
}

func writeServerFiles(dir string, port int) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	token := rand.Text()
	files := map[string]string{
		"sa.key":     string(pem.EncodeToMemory(block)),
		"tokens.csv": token + ",tester,tester,\"system:masters\"\n",
		"kubeconfig": fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "https://127.0.0.1:%d", insecure-skip-tls-verify: true}}]
users: [{name: tester, user: {token: %s}}]
contexts: [{name: test, context: {cluster: test, user: tester}}]
`, port, token),
	}
	for name, contents := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(contents), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func awaitServer(path string) error {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		c, err := connect(Config{Kubeconfig: path}, warnings(func(context.Context, int, string, string) {}))
		if err == nil {
			result := c.discovery.RESTClient().Get().AbsPath("/readyz").Do(ctx)
			var status int
			if result.StatusCode(&status); status == http.StatusOK {
				return nil
			}
			err = result.Error()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server at %s did not come up in two minutes: %w", config.Host, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // held until all are found, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("wanted %q in: %s", want, text)
		}
	}
}
