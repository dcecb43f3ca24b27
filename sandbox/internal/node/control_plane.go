package node

import (
	"fmt"
	"path/filepath"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// ControlPlane returns the programs of the control plane, in the order in which each can find what it needs. They run
// in node 0's network.
func ControlPlane() []Process {
	api := fmt.Sprintf("%s:%d", layout.NodeAddress(0), layout.APIPort)
	return []Process{
		{Name: "etcd", Args: []string{
			"--data-dir=" + State("etcd"),
			"--listen-client-urls=http://127.0.0.1:2379", // only this network namespace reaches it
			"--advertise-client-urls=http://127.0.0.1:2379",
			"--listen-peer-urls=http://127.0.0.1:2380",
			"--quota-backend-bytes=1073741824",
			"--auto-compaction-retention=1h",
			"--log-level=warn",
		}, Ready: "tcp://127.0.0.1:2379"},
		{Name: "kube-apiserver", Args: []string{
			"--advertise-address=" + layout.NodeAddress(0).String(),
			fmt.Sprintf("--secure-port=%d", layout.APIPort),
			"--etcd-servers=http://127.0.0.1:2379",
			"--service-cluster-ip-range=" + layout.ServiceNetwork.String(),
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--allow-privileged=true",
			"--client-ca-file=" + PKI("ca.crt"),
			"--tls-cert-file=" + PKI("apiserver.crt"),
			"--tls-private-key-file=" + PKI("apiserver.key"),
			"--kubelet-certificate-authority=" + PKI("ca.crt"),
			"--kubelet-client-certificate=" + PKI("apiserver-kubelet-client.crt"),
			"--kubelet-client-key=" + PKI("apiserver-kubelet-client.key"),
			// Without it exec and logs look up the node's name, which no DNS knows.
			"--kubelet-preferred-address-types=InternalIP",
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file=" + PKI("service-account.key"),
			"--service-account-signing-key-file=" + PKI("service-account.key"),
			// The aggregation layer: metrics-server and others serve parts of the API.
			"--requestheader-client-ca-file=" + PKI("front-proxy-ca.crt"),
			"--requestheader-allowed-names=front-proxy-client",
			"--requestheader-username-headers=X-Remote-User",
			"--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + PKI("front-proxy-client.crt"),
			"--proxy-client-key-file=" + PKI("front-proxy-client.key"),
			"--profiling=false",
		}, Ready: "https://" + api + "/readyz"},
		{Name: "kube-controller-manager", Args: append(clientOf("controller-manager"),
			"--leader-elect=false", // there is one of it: no lease to renew every two seconds
			"--use-service-account-credentials=true",
			"--service-account-private-key-file="+PKI("service-account.key"),
			"--root-ca-file="+PKI("ca.crt"),
			"--cluster-signing-cert-file="+PKI("ca.crt"),
			"--cluster-signing-key-file="+PKI("ca.key"),
			"--profiling=false",
		)},
		{Name: "kube-scheduler", Args: append(clientOf("scheduler"), "--leader-elect=false", "--profiling=false")},
	}
}

// S3 returns the S3 server, whose root account has these keys. Versioning, bucket policies and object lock work on it.
func S3(accessKey, secretKey string) Process {
	return Process{Name: "versitygw", File: "versitygw", Args: []string{
		"--port", fmt.Sprintf("%s:%d", layout.NodeAddress(0), layout.S3Port),
		"--cert", PKI("s3.crt"), "--key", PKI("s3.key"),
		"--quiet",
		"posix", "--versioning-dir", State("s3", "versions"), State("s3", "buckets"),
	}, Env: []string{"ROOT_ACCESS_KEY_ID=" + accessKey, "ROOT_SECRET_ACCESS_KEY=" + secretKey},
		Ready: fmt.Sprintf("tcp://%s:%d", layout.NodeAddress(0), layout.S3Port)}
}

// clientOf are the flags of a component that authenticates with its own kubeconfig and checks others by it.
func clientOf(component string) []string {
	file := Kubeconfig(component)
	return []string{"--kubeconfig=" + file, "--authentication-kubeconfig=" + file, "--authorization-kubeconfig=" + file}
}

// State is a path in the sandbox's folder as its processes see it.
func State(parts ...string) string { return filepath.Join(append([]string{StateMount}, parts...)...) }

// PKI is the path of a key or certificate as the sandbox's processes see it.
func PKI(name string) string { return State("pki", name) }

// Kubeconfig is the path of a component's kubeconfig as the sandbox's processes see it.
func Kubeconfig(component string) string { return State("kubeconfigs", component) }
