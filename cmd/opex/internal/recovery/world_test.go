package recovery

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// world is an API server that keeps what is written into it, with a Velero whose backups and restores are done at once.
type world struct {
	mu      sync.Mutex
	objects map[string]map[string]any // by path
	changes []string                  // method and path, in order
	service http.HandlerFunc          // every HTTP service behind the proxy
	restore map[string]any            // status of every restore
	backup  map[string]any            // status of every backup
}

const (
	inVelero   = "/apis/velero.io/v1/namespaces/velero/"
	scheduleAt = inVelero + "schedules/staging-shop"
	locationAt = inVelero + "backupstoragelocations/default"
	serverAt   = "/apis/apps/v1/namespaces/velero/deployments/velero"
	agentAt    = "/apis/apps/v1/namespaces/velero/daemonsets/node-agent"
	backupAt   = inVelero + "backups/good"
	leaseAt    = "/apis/coordination.k8s.io/v1/namespaces/velero/leases/opex-drill-shop"
)

func newWorld() *world {
	completed := map[string]any{
		"phase":               "Completed",
		"startTimestamp":      "2026-11-01T02:00:00Z",
		"completionTimestamp": "2026-11-01T02:00:05Z",
	}
	w := &world{restore: completed, backup: completed, objects: map[string]map[string]any{
		"/api/v1/namespaces/staging": {
			"metadata": map[string]any{"name": "staging", "labels": map[string]any{"team": "shops"}},
		},
		"/api/v1/namespaces/velero": {"metadata": map[string]any{"name": "velero"}},
		scheduleAt: {"metadata": map[string]any{"name": "staging-shop"}, "status": map[string]any{"phase": "Enabled"},
			"spec": map[string]any{
				"schedule": "0 2 * * *",
				"template": map[string]any{"storageLocation": "default", "includedNamespaces": []any{"staging"}},
			}},
		locationAt: {"metadata": map[string]any{"name": "default"}, "status": map[string]any{"phase": "Available"}},
		serverAt:   {"metadata": map[string]any{"name": "velero"}, "status": map[string]any{"readyReplicas": 1}},
		agentAt: {
			"metadata": map[string]any{"name": "node-agent"},
			"status":   map[string]any{"numberReady": 1, "desiredNumberScheduled": 1},
		},
		backupAt: {
			"metadata": map[string]any{
				"name":   "good",
				"labels": map[string]any{"velero.io/schedule-name": "staging-shop"},
			},
			"spec":   map[string]any{"storageLocation": "default"},
			"status": maps.Clone(completed),
		},
	}}
	for at, object := range w.objects {
		if strings.HasPrefix(at, inVelero) { // read as whatever it is, so it has to say what
			object["apiVersion"], object["kind"] = "velero.io/v1", "Some"
		}
	}
	return w
}

// set changes a field of an object, such as status.phase.
func (w *world) set(at, field string, value any) {
	here, keys := w.objects[at], strings.Split(field, ".")
	for _, key := range keys[:len(keys)-1] {
		here = here[key].(map[string]any)
	}
	here[keys[len(keys)-1]] = value
}

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if service := strings.Index(r.URL.Path, "/proxy/"); service >= 0 {
		r.URL.Path = r.URL.Path[strings.LastIndex(r.URL.Path[:service], "namespaces/")+len("namespaces"):]
		if r.Method != http.MethodGet {
			w.mu.Lock()
			w.changes = append(w.changes, r.Method+" "+r.URL.Path)
			w.mu.Unlock()
		}
		w.service(out, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	out.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodGet {
		w.changes = append(w.changes, r.Method+" "+r.URL.Path)
	}
	answer, status := w.answer(r, body)
	out.WriteHeader(status)
	_ = json.NewEncoder(out).Encode(answer)
}

func (w *world) answer(r *http.Request, body []byte) (any, int) {
	at := r.URL.Path
	missing := map[string]any{
		"kind":       "Status",
		"apiVersion": "v1",
		"status":     "Failure",
		"reason":     "NotFound",
		"code":       404,
		"details":    map[string]any{"name": path.Base(at)},
	}
	var sent map[string]any
	_ = json.NewDecoder(bytes.NewReader(body)).Decode(&sent)
	switch r.Method {
	case http.MethodPost:
		meta := sent["metadata"].(map[string]any)
		meta["uid"], meta["resourceVersion"], meta["creationTimestamp"] = "uid-of-"+meta["name"].(string), "1", time.Now().UTC().Format(
			time.RFC3339,
		)
		at = path.Join(at, meta["name"].(string))
		if w.objects[at] != nil {
			return map[string]any{
				"kind":       "Status",
				"apiVersion": "v1",
				"status":     "Failure",
				"reason":     "AlreadyExists",
				"code":       409,
			}, http.StatusConflict
		}
		if strings.Contains(at, "/restores/") {
			sent["status"] = w.restore
		} else if strings.Contains(at, "/backups/") {
			sent["status"] = w.backup
		}
		w.objects[at] = sent
		return sent, http.StatusCreated
	case http.MethodPut:
		w.objects[at] = sent
		return sent, http.StatusOK
	case http.MethodDelete:
		delete(w.objects, at)
		return map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"}, http.StatusOK
	}
	if found := w.objects[at]; found != nil {
		return found, http.StatusOK
	}
	if parts := strings.Split(strings.Trim(at, "/"), "/"); !slices.Contains([]string{"api", "apis"}, parts[0]) ||
		len(parts) > 2 && isName(parts) {
		return missing, http.StatusNotFound
	}
	items := []any{}
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		return missing, http.StatusBadRequest
	}
	for _, name := range slices.Sorted(maps.Keys(w.objects)) {
		if path.Dir(name) == at && selector.Matches(labelsOf(w.objects[name])) {
			items = append(items, w.objects[name])
		}
	}
	list := map[string]any{"metadata": map[string]any{}, "items": items}
	switch {
	case strings.HasPrefix(at, "/apis/velero.io"):
		list["apiVersion"], list["kind"] = "v1", "List"
	case strings.HasSuffix(at, "/configmaps"):
		list["apiVersion"], list["kind"] = "v1", "ConfigMapList"
	}
	return list, http.StatusOK
}

func labelsOf(object map[string]any) labels.Set {
	found := labels.Set{}
	meta, _ := object["metadata"].(map[string]any)
	written, _ := meta["labels"].(map[string]any)
	for key, value := range written {
		found[key] = value.(string)
	}
	return found
}

// isName tells the path of an object from that of a list: kinds are plural.
func isName(parts []string) bool {
	kinds := []string{
		"namespaces", "pods", "leases", "configmaps", "restores", "backups", "podvolumerestores", "podvolumebackups",
	}
	return !slices.Contains(kinds, parts[len(parts)-1])
}

// site is the service shop, without a database, on that world. Said is what people read.
func (w *world) site(t *testing.T) (s *Site, said *bytes.Buffer) {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	config := &rest.Config{
		Host:          server.URL,
		QPS:           -1,
		ContentConfig: rest.ContentConfig{ContentType: "application/json"},
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	others, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	plan := &contract.BackupPlan{
		Schedule:  "staging-shop",
		RTO:       "30m",
		RPO:       "87600h",
		ReadyPath: "/ready",
		Selector:  map[string]string{"app": "shop"},
		Sentinel:  &contract.Sentinel{Path: "/tasks", Body: `{"title":"x"}`},
	}
	outputs := stack.Outputs{Environment: "staging", Cluster: contract.Cluster{Context: "c", UID: "cluster"},
		Backup: &contract.BackupVault{
			Namespace:         "velero",
			Deployment:        "velero",
			NodeAgent:         "node-agent",
			StorageLocation:   "default",
			CredentialsSecret: "none",
		},
		Services: map[string]contract.Service{
			"shop":  {Namespace: "staging", URL: "http://shop.staging.svc.cluster.local:8000", Backup: plan},
			"other": {Namespace: "others", NoBackup: "it keeps nothing"},
		}}
	said = &bytes.Buffer{}
	s, err = Open(&kube.Cluster{Client: client, Dynamic: others, Config: config, UID: "cluster"}, outputs, "shop", said)
	if err != nil {
		t.Fatal(err)
	}
	return s, said
}
