package cluster

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/opex-project/opex/sandbox/internal/boot"
	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/node"
)

//go:embed addons.yaml
var addons string

// bootTimeout bounds the wait for the API server and for each node's container runtime.
const bootTimeout = 3 * time.Minute

// WaitBooted returns once the API server is ready and every node's container runtime listens. When the sandbox dies
// meanwhile, the error shows the end of its log.
func WaitBooted(ctx context.Context, s layout.Sandbox) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	for {
		pid, running, err := boot.Running(s)
		if err != nil {
			return err
		}
		if !running {
			return fmt.Errorf("sandbox %s has ended while it booted:\n%s", s.Instance, tail(boot.LogPath(s, "init")))
		}
		missing := ""
		if _, err := Kubectl(ctx, s, nil, "get", "--raw=/readyz"); err != nil {
			missing = "the API server"
		}
		for i := range s.Nodes {
			if _, err := os.Stat(socket(s, pid, i)); err != nil {
				missing = "the container runtime of node " + s.NodeName(i)
			}
		}
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf(
				"sandbox %s: %s is not ready after %s; logs: %s", s.Instance, missing, bootTimeout, s.State("logs"),
			)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// LoadImages imports the images that a node does not have in their present form, and says how many it imported.
func LoadImages(ctx context.Context, s layout.Sandbox) (int, error) {
	pid, running, err := boot.Running(s)
	if err != nil {
		return 0, err
	}
	if !running {
		return 0, fmt.Errorf("load images: sandbox %s does not run; logs: %s", s.Instance, s.State("logs"))
	}
	loaded := 0
	for i := range s.Nodes {
		for _, img := range image.Images() {
			archive := image.Archive(s, img)
			version, err := image.Version(s, img)
			if err != nil {
				return loaded, err
			}
			// Beside containerd's own store, so that both are lost or kept together.
			mark := s.State(fmt.Sprintf("node-%d", i), "containerd", "opex-images", img.Name)
			if known, err := os.ReadFile(mark); err == nil && string(known) == version {
				continue
			}
			command := exec.CommandContext(ctx, s.Bin("ctr"), "--address", socket(s, pid, i), "--namespace", "k8s.io",
				"images", "import", "--local", archive)
			if said, err := command.CombinedOutput(); err != nil {
				return loaded, fmt.Errorf("import image %s on node %s: %w\n%s", img.Name, s.NodeName(i), err, said)
			}
			if err := os.MkdirAll(filepath.Dir(mark), 0o755); err != nil {
				return loaded, err
			}
			if err := os.WriteFile(mark, []byte(version), 0o644); err != nil {
				return loaded, err
			}
			loaded++
		}
	}
	return loaded, nil
}

// ApplyAddons installs DNS and the default StorageClass.
func ApplyAddons(ctx context.Context, s layout.Sandbox) error {
	manifest := strings.NewReplacer(
		"${DNS_ADDRESS}", layout.DNSAddress.String(), "${PROVISIONER}", node.ProvisionerName,
	).Replace(addons)
	_, err := Kubectl(ctx, s, strings.NewReader(manifest), "apply", "--server-side", "--force-conflicts", "-f", "-")
	return err
}

// WaitReady returns once every node reports since this boot, and DNS and Services work. What the API server remembers
// of the boot before is no evidence.
func WaitReady(ctx context.Context, s layout.Sandbox) error {
	started, err := boot.Started(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	var last error
	for ctx.Err() == nil {
		if last = nodesReport(ctx, s, started); last == nil {
			if last = servicesWork(ctx, s); last == nil {
				return nil
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	return fmt.Errorf(
		"sandbox %s is not ready after %s: %w; `make status` shows its pods", s.Instance, bootTimeout, last,
	)
}

// nodesReport says which node is not ready, or has not renewed its lease since the boot.
func nodesReport(ctx context.Context, s layout.Sandbox, started time.Time) error {
	for i := range s.Nodes {
		name := s.NodeName(i)
		renewed, err := Kubectl(
			ctx, s, nil, "--namespace=kube-node-lease", "get", "lease", name, "--output=jsonpath={.spec.renewTime}",
		)
		if err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339Nano, string(renewed))
		if err != nil || at.Before(started) {
			return fmt.Errorf("node %s has not reported since the boot", name)
		}
		ready, err := Kubectl(
			ctx, s, nil, "get", "node", name, `--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}`,
		)
		if err != nil {
			return err
		}
		if string(ready) != "True" {
			return fmt.Errorf("node %s is not ready", name)
		}
	}
	return nil
}

// servicesWork calls the API server by its Service's name from inside: the name must resolve and its address lead
// there. The server refuses plain HTTP with this status; whatever else does not work answers otherwise.
func servicesWork(ctx context.Context, s layout.Sandbox) error {
	status, err := get(ctx, s.ServiceURL("kubernetes", "default", 443))
	if err == nil && status != http.StatusBadRequest {
		err = fmt.Errorf("the Service kubernetes.default cannot be reached by name (status %d)", status)
	}
	return err
}

// Kubectl runs kubectl as the administrator and returns what it prints.
func Kubectl(ctx context.Context, s layout.Sandbox, in *strings.Reader, args ...string) ([]byte, error) {
	command := exec.CommandContext(
		ctx,
		s.Bin("kubectl"),
		append([]string{"--kubeconfig=" + s.Kubeconfig()}, args...)...)
	if in != nil {
		command.Stdin = in
	}
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

// serviceTimeout bounds the wait for a new Service's address to work on the nodes; kube-proxy and DNS need a second or
// two.
const serviceTimeout = 30 * time.Second

// WaitServiceAnswers returns once a URL of ServiceURL answers 200.
func WaitServiceAnswers(ctx context.Context, url string) error {
	var last error
	for deadline := time.Now().Add(serviceTimeout); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		status, err := get(ctx, url)
		switch {
		case err != nil:
			last = err
		case status == http.StatusOK:
			return nil
		default:
			last = fmt.Errorf("it answers with status %d", status)
		}
	}
	return fmt.Errorf("%s does not work within %s: %w", url, serviceTimeout, last)
}

// get returns the status of a URL of ServiceURL. Names under .localhost are the loopback; not every resolver knows it,
// so the address is given.
func get(ctx context.Context, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	request.Host = request.URL.Host
	request.URL.Host = "127.0.0.1:" + request.URL.Port()
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// socket is a node's container runtime socket, as the host reaches it: through the root of the sandbox's first process.
func socket(s layout.Sandbox, pid, i int) string {
	n := node.Node{Sandbox: s, Index: i}
	return fmt.Sprintf("/proc/%d/root%s/containerd.sock", pid, n.Runtime())
}

func tail(path string) string {
	const keep = 2000
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(data) > keep {
		data = data[len(data)-keep:]
	}
	return string(data)
}
