package existing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/opex-project/opex/sandbox/internal/deploy"
	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/pki"
)

const (
	storeNamespace = "opex-store"
	storeName      = "store"
	storePort      = 9000
	// storeTimeout covers the pull of the image and the making of the volume.
	storeTimeout = 5 * time.Minute
)

//go:embed store.yaml
var storeManifest string

// Store is the S3 server in the cluster.
type Store struct {
	Keys deploy.StoreKeys
	// Port is the one of 127.0.0.1 by which this machine reaches it while a command runs.
	Port int
	// CAFile is its certificate authority.
	CAFile string `json:"-"`
}

// Store returns the cluster's store; its keys, its port and its authority are made at the first call.
func (c *Cluster) Store() (Store, error) {
	folder := filepath.Join(c.Folder, "pki")
	store, file := Store{CAFile: filepath.Join(folder, "ca.crt")}, filepath.Join(c.Folder, "store.json")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return store, err
	}
	if _, err := pki.LoadAuthority(folder, "ca"); err != nil {
		return store, err
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &store)
		return store, err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return store, err
	}
	if store.Port, err = freePort(); err != nil {
		return store, err
	}
	random := make([]byte, 30)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	// Nothing that a name contains: Pulumi masks a secret wherever it meets it.
	store.Keys = deploy.StoreKeys{Access: hex.EncodeToString(random[:10]), Secret: hex.EncodeToString(random[10:])}
	if data, err = json.Marshal(store); err != nil {
		return store, err
	}
	return store, os.WriteFile(file, data, 0o600)
}

// Config is opex:backup for the store.
func (s Store) Config() map[string]any {
	inside := fmt.Sprintf("https://%s.%s.svc:%d", storeName, storeNamespace, storePort)
	return deploy.StoreConfig(inside, fmt.Sprintf("https://127.0.0.1:%d", s.Port), s.CAFile)
}

// ApplyStore makes the store or brings it up to date, and waits until it listens.
func (c *Cluster) ApplyStore(ctx context.Context, store Store, names Names) error {
	authority, err := pki.LoadAuthority(filepath.Join(c.Folder, "pki"), "ca")
	if err != nil {
		return err
	}
	certificate, key, err := c.storeCertificate(authority)
	if err != nil {
		return err
	}
	reference := image.Store
	if pushed, is := names[reference]; is {
		reference = pushed
	}
	encode := base64.StdEncoding.EncodeToString
	manifest := strings.NewReplacer(
		"${NAMESPACE}", storeNamespace, "${IMAGE}", reference, "${ACCESS_KEY}", store.Keys.Access,
		"${SECRET_KEY}", store.Keys.Secret, "${CERTIFICATE}", encode(certificate), "${KEY}", encode(key),
		"${DIGEST}", fmt.Sprintf("%x", sha256.Sum256(certificate)),
	).Replace(storeManifest)
	if err := c.apply(ctx, manifest); err != nil {
		return fmt.Errorf("the store for backups: %w", err)
	}
	return c.waitStore(ctx)
}

// storeCertificate is issued anew a month before it ends: a new one restarts the store.
func (c *Cluster) storeCertificate(authority *pki.Authority) (certificate, key []byte, err error) {
	folder := filepath.Join(c.Folder, "pki")
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, storeName+".crt"), filepath.Join(folder, storeName+".key"))
	if err != nil || time.Until(pair.Leaf.NotAfter) < 30*24*time.Hour {
		err = authority.IssueTo(folder, storeName, pki.Leaf{
			CommonName: storeName,
			Names:      []string{"localhost", storeName + "." + storeNamespace + ".svc"},
			Addresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if certificate, err = os.ReadFile(filepath.Join(folder, storeName+".crt")); err != nil {
		return nil, nil, err
	}
	key, err = os.ReadFile(filepath.Join(folder, storeName+".key"))
	return certificate, key, err
}

func (c *Cluster) waitStore(ctx context.Context) error {
	last := "it has no pod yet"
	err := wait.PollUntilContextTimeout(ctx, time.Second, storeTimeout, true, func(ctx context.Context) (bool, error) {
		deployment, err := c.client.AppsV1().Deployments(storeNamespace).Get(ctx, storeName, metav1.GetOptions{})
		if err != nil {
			last = err.Error()
			return false, nil
		}
		for _, condition := range deployment.Status.Conditions {
			last = condition.Message
		}
		current := deployment.Status.ObservedGeneration >= deployment.Generation
		return current && deployment.Status.UpdatedReplicas == 1 && deployment.Status.AvailableReplicas == 1, nil
	})
	if err != nil {
		return fmt.Errorf("the store for backups is not ready after %s: %s; "+
			"`kubectl --context %s --namespace %s get pods,pvc,events` shows why",
			storeTimeout, last, c.Context, storeNamespace)
	}
	return nil
}

// DeleteStore deletes the store and all backups in it.
func (c *Cluster) DeleteStore(ctx context.Context) error {
	namespaces := c.client.CoreV1().Namespaces()
	err := namespaces.Delete(ctx, storeNamespace, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, time.Second, storeTimeout, true, func(ctx context.Context) (bool, error) {
		_, err := namespaces.Get(ctx, storeNamespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	if err != nil {
		return fmt.Errorf("namespace %s is still there: %w", storeNamespace, err)
	}
	return nil
}

// freePort returns one below the range from which systems take ports for connections, so that it stays free.
func freePort() (int, error) {
	const first, last = 20000, 29999
	for port := first; port <= last; port++ {
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no port of 127.0.0.1 between %d and %d is free", first, last)
}
