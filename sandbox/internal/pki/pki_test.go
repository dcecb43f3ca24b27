package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAuthorityAndKeyAreMadeOnceAndKept(t *testing.T) {
	folder := t.TempDir()
	first, err := LoadAuthority(folder, "ca")
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadAuthority(folder, "ca")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.CertPEM, second.CertPEM) {
		t.Error("the second load made another authority: every kubeconfig would break")
	}
	info, err := os.Stat(filepath.Join(folder, "ca.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
}

func TestLeafServesItsNamesAndAddressesOnly(t *testing.T) {
	folder := t.TempDir()
	ca, err := LoadAuthority(folder, "ca")
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.IssueTo(folder, "server", Leaf{CommonName: "s", Organizations: []string{"g"}, Names: []string{"a.example"}, Addresses: []net.IP{net.IPv4(127, 0, 0, 1)}}); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "server.crt"), filepath.Join(folder, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CertPEM)
	for name, wantOK := range map[string]bool{"a.example": true, "127.0.0.1": true, "b.example": false} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
		if (err == nil) != wantOK {
			t.Errorf("%s: %v", name, err)
		}
	}
	if pair.Leaf.Subject.CommonName != "s" || pair.Leaf.Subject.Organization[0] != "g" {
		t.Errorf("subject %v", pair.Leaf.Subject)
	}
}

func TestClientLeafCannotServe(t *testing.T) {
	ca, err := LoadAuthority(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	certPEM, _, err := ca.Issue(Leaf{CommonName: "client"})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(certPEM)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range cert.ExtKeyUsage {
		if use == x509.ExtKeyUsageServerAuth {
			t.Error("a client's certificate may serve")
		}
	}
}

func TestBrokenFilesAreNamed(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ca.key"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadAuthority(folder, "ca"); err == nil || !strings.Contains(err.Error(), "ca.key") {
		t.Errorf("%v", err)
	}
}
