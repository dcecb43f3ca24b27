// Package cluster is the host's side of a running sandbox: keys and kubeconfigs before it boots, images and add-ons
// after.
package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opex-project/opex/sandbox/internal/boot"
	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/pki"
)

// Prepare makes the folders, keys, certificates and kubeconfigs that the sandbox boots with.
func Prepare(s layout.Sandbox) error {
	for _, folder := range []string{"logs", "kubeconfigs", "pki", "etcd", "s3/buckets", "s3/versions"} {
		if err := os.MkdirAll(s.State(folder), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(nodesFile(s), []byte(strconv.Itoa(s.Nodes)), 0o600); err != nil {
		return err
	}
	if err := makeS3Keys(s); err != nil {
		return err
	}
	folder := s.State("pki")
	ca, err := pki.LoadAuthority(folder, "ca")
	if err != nil {
		return err
	}
	front, err := pki.LoadAuthority(folder, "front-proxy-ca")
	if err != nil {
		return err
	}
	if _, err := pki.LoadKey(filepath.Join(folder, "service-account.key")); err != nil {
		return err
	}
	loopback, api := net.IPv4(127, 0, 0, 1), net.IP(layout.NodeAddress(0).AsSlice())
	err = errors.Join(
		ca.IssueTo(folder, "apiserver", pki.Leaf{CommonName: "kube-apiserver",
			Names: []string{
				"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc.cluster.local",
			},
			Addresses: []net.IP{loopback, api, net.IP(layout.APIServiceAddress.AsSlice())}}),
		ca.IssueTo(
			folder, "apiserver-kubelet-client",
			pki.Leaf{CommonName: "kube-apiserver-kubelet-client", Organizations: []string{"system:masters"}},
		),
		ca.IssueTo(
			folder, "s3", pki.Leaf{CommonName: "s3", Names: []string{"localhost"}, Addresses: []net.IP{loopback, api}},
		),
		front.IssueTo(folder, "front-proxy-client", pki.Leaf{CommonName: "front-proxy-client"}),
	)
	for i := range s.Nodes {
		err = errors.Join(err, ca.IssueTo(folder, "kubelet-"+s.NodeName(i), pki.Leaf{CommonName: "kubelet",
			Names: []string{s.NodeName(i)}, Addresses: []net.IP{net.IP(layout.NodeAddress(i).AsSlice())}}))
	}
	if err != nil {
		return err
	}
	return writeKubeconfigs(s, ca)
}

// NodesBefore is the number of nodes that the sandbox was last prepared with, or 1.
func NodesBefore(s layout.Sandbox) int {
	data, err := os.ReadFile(nodesFile(s))
	if err != nil {
		return 1
	}
	nodes, err := strconv.Atoi(string(data))
	if err != nil || nodes < 1 || nodes > layout.MaxNodes {
		return 1
	}
	return nodes
}

func nodesFile(s layout.Sandbox) string { return s.State("nodes") }

// writeKubeconfigs writes one for each component, and the administrator's for the host.
func writeKubeconfigs(s layout.Sandbox, ca *pki.Authority) error {
	inside := fmt.Sprintf("https://%s:%d", layout.NodeAddress(0), layout.APIPort)
	users := map[string]pki.Leaf{
		"controller-manager": {CommonName: "system:kube-controller-manager"},
		"scheduler":          {CommonName: "system:kube-scheduler"},
		"kube-proxy":         {CommonName: "system:kube-proxy"},
		"kube-router":        {CommonName: "opex:kube-router"},
		"volume-provisioner": {CommonName: "opex:volume-provisioner"},
	}
	for i := range s.Nodes {
		users["kubelet-"+s.NodeName(i)] = pki.Leaf{
			CommonName:    "system:node:" + s.NodeName(i),
			Organizations: []string{"system:nodes"},
		}
	}
	var problems []error
	for component, user := range users {
		problems = append(problems, writeKubeconfig(s.State("kubeconfigs", component), s.Name(), inside, ca, user))
	}
	outside := fmt.Sprintf("https://127.0.0.1:%d", s.Ports().API)
	admin := pki.Leaf{CommonName: "opex-admin", Organizations: []string{"system:masters"}}
	return errors.Join(append(problems, writeKubeconfig(s.Kubeconfig(), s.Name(), outside, ca, admin))...)
}

// writeKubeconfig writes a kubeconfig as JSON, which is YAML too.
func writeKubeconfig(path, name, server string, ca *pki.Authority, user pki.Leaf) error {
	cert, key, err := ca.Issue(user)
	if err != nil {
		return err
	}
	config, err := json.MarshalIndent(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []any{
			map[string]any{
				"name":    name,
				"cluster": map[string]any{"server": server, "certificate-authority-data": ca.CertPEM},
			},
		},
		"users": []any{
			map[string]any{
				"name": user.CommonName,
				"user": map[string]any{"client-certificate-data": cert, "client-key-data": key},
			},
		},
		"contexts": []any{
			map[string]any{"name": name, "context": map[string]any{"cluster": name, "user": user.CommonName}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, config, 0o600)
}

// makeS3Keys makes the S3 server's root keys once.
func makeS3Keys(s layout.Sandbox) error {
	if _, err := os.Stat(boot.S3KeysPath(s)); err == nil {
		return nil
	}
	random := make([]byte, 30)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	// Nothing that a name holds: Pulumi masks a secret wherever it meets it.
	data, err := json.Marshal(
		boot.S3Keys{Access: hex.EncodeToString(random[:10]), Secret: hex.EncodeToString(random[10:])},
	)
	if err != nil {
		return err
	}
	return os.WriteFile(boot.S3KeysPath(s), data, 0o600)
}
