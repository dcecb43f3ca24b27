package shelf

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

// Bucket is where backups lie, as this machine reaches it.
type Bucket struct {
	client *s3.Client
	vault  contract.BackupVault
}

// patience is for one answer of the store.
const patience = 20 * time.Second

// OpenBucket takes the vault's keys from its Secret (right: get on it) or, where it has none, those of the environment,
// as AWS' tools do. Nothing is asked of the store yet.
func OpenBucket(ctx context.Context, client kubernetes.Interface, vault contract.BackupVault) (*Bucket, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if vault.CACertificate != "" {
		trusted := x509.NewCertPool()
		if !trusted.AppendCertsFromPEM([]byte(vault.CACertificate)) {
			return nil, errors.New("bucket: the output caCertificate is no certificate in PEM")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	}
	var base aws.Config
	if vault.CredentialsSecret == "" {
		var err error
		if base, err = config.LoadDefaultConfig(ctx); err != nil {
			return nil, fmt.Errorf("bucket: %w", err)
		}
	} else {
		secret, err := client.CoreV1().Secrets(vault.Namespace).Get(ctx, vault.CredentialsSecret, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("bucket: its keys: %w (right: get on Secret %s/%s)", err, vault.Namespace, vault.CredentialsSecret)
		}
		if base.Credentials, err = staticKeys(string(secret.Data["cloud"])); err != nil {
			return nil, fmt.Errorf("bucket: Secret %s/%s: %w", vault.Namespace, vault.CredentialsSecret, err)
		}
	}
	return &Bucket{vault: vault, client: s3.NewFromConfig(base, func(o *s3.Options) {
		o.Region, o.HTTPClient = vault.Region, &http.Client{Transport: transport, Timeout: patience}
		if vault.URL != "" {
			o.BaseEndpoint, o.UsePathStyle = &vault.URL, true
		}
	})}, nil
}

// staticKeys reads the profile default of a credentials file of AWS.
func staticKeys(file string) (aws.CredentialsProvider, error) {
	values, inDefault := map[string]string{}, true
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inDefault = line == "[default]"
		} else if name, value, is := strings.Cut(line, "="); is && inDefault {
			values[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	if values["aws_access_key_id"] == "" || values["aws_secret_access_key"] == "" {
		return nil, errors.New(
			"the key `cloud` has no aws_access_key_id and aws_secret_access_key in the profile default",
		)
	}
	return credentials.NewStaticCredentialsProvider(
		values["aws_access_key_id"], values["aws_secret_access_key"], values["aws_session_token"],
	), nil
}

// String says where it is.
func (b *Bucket) String() string {
	if b.vault.URL != "" {
		return b.vault.URL + "/" + b.vault.Bucket
	}
	return "s3://" + b.vault.Bucket
}

// Put keeps a record beside the backups and returns its key.
func (b *Bucket) Put(ctx context.Context, r evidence.Record) (key string, err error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	key = r.ObjectKey()
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.vault.Bucket, Key: &key, Body: bytes.NewReader(data), ContentType: aws.String("application/json")})
	if err != nil {
		return "", fmt.Errorf("bucket %s: %s: %w", b, key, err)
	}
	return key, nil
}

// Contents returns what a backup holds: names by kind, such as apps/v1/Deployment; those in a namespace as
// namespace/name.
func (b *Bucket) Contents(ctx context.Context, backup string) (map[string][]string, error) {
	contents := map[string][]string{}
	return contents, b.read(ctx, path.Join("backups", backup, backup+"-resource-list.json.gz"), &contents)
}

// Results are what Velero noted of one restore.
type Results struct {
	Velero     []string            `json:"velero"`
	Cluster    []string            `json:"cluster"`
	Namespaces map[string][]string `json:"namespaces"`
}

// All returns every line.
func (r Results) All() []string {
	all := append(append([]string{}, r.Velero...), r.Cluster...)
	for _, lines := range r.Namespaces {
		all = append(all, lines...)
	}
	return all
}

// RestoreErrors returns the errors that Velero noted of a restore.
func (b *Bucket) RestoreErrors(ctx context.Context, restore string) ([]string, error) {
	var results struct{ Errors Results }
	err := b.read(ctx, path.Join("restores", restore, "restore-"+restore+"-results.gz"), &results)
	return results.Errors.All(), err
}

// read decodes a file of Velero's folder: JSON, compressed.
func (b *Bucket) read(ctx context.Context, file string, into any) error {
	file = path.Join(b.vault.Prefix, file)
	fail := func(err error) error { return fmt.Errorf("bucket %s: %s: %w", b, file, err) }
	answer, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.vault.Bucket, Key: &file})
	if err != nil {
		return fail(err)
	}
	defer answer.Body.Close()
	plain, err := gzip.NewReader(answer.Body)
	if err != nil {
		return fail(err)
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		return fail(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fail(err)
	}
	return nil
}
