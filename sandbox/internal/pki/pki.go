// Package pki makes the keys and certificates of a sandbox. The authorities and the service-account key are made once
// and kept, or every token and kubeconfig would break at a restart; leaf certificates are made anew at each boot.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authorityYears and leafYears are validities. A sandbox is booted more often than once a year.
const (
	authorityYears = 10
	leafYears      = 1
)

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// CertPEM is its certificate.
	CertPEM []byte
}

// Leaf is what a leaf certificate says.
type Leaf struct {
	// CommonName and Organizations are the user and the groups to the API server.
	CommonName    string
	Organizations []string
	// Names and Addresses make it a server's certificate; without either it is only a client's.
	Names     []string
	Addresses []net.IP
}

// LoadAuthority reads the authority <folder>/<name>.{crt,key}, or makes it.
func LoadAuthority(folder, name string) (*Authority, error) {
	key, err := LoadKey(filepath.Join(folder, name+".key"))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name+".crt")
	certPEM, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		template := &x509.Certificate{
			Subject:               pkix.Name{CommonName: "opex sandbox " + name},
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
			BasicConstraintsValid: true,
			IsCA:                  true,
		}
		der, err := sign(template, template, key, key, authorityYears)
		if err != nil {
			return nil, err
		}
		certPEM = encode("CERTIFICATE", der)
		if err := write(path, certPEM, 0o644); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return nil, fmt.Errorf("%s holds no certificate: delete the folder %s to make new ones", path, folder)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Authority{cert: cert, key: key, CertPEM: certPEM}, nil
}

// LoadKey reads a private key, or makes it (ECDSA P-256).
func LoadKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		keyPEM, err := encodeKey(key)
		if err != nil {
			return nil, err
		}
		return key, write(path, keyPEM, 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key: delete the folder %s to make new ones", path, filepath.Dir(path))
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

// Issue makes a certificate and its key, both as PEM.
func (a *Authority) Issue(leaf Leaf) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: leaf.CommonName, Organization: leaf.Organizations},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames:    leaf.Names,
		IPAddresses: leaf.Addresses,
	}
	if len(leaf.Names)+len(leaf.Addresses) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	der, err := sign(template, a.cert, key, a.key, leafYears)
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err = encodeKey(key)
	return encode("CERTIFICATE", der), keyPEM, err
}

// IssueTo writes <folder>/<name>.{crt,key}.
func (a *Authority) IssueTo(folder, name string, leaf Leaf) error {
	certPEM, keyPEM, err := a.Issue(leaf)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", name, err)
	}
	if err := write(filepath.Join(folder, name+".crt"), certPEM, 0o644); err != nil {
		return err
	}
	return write(filepath.Join(folder, name+".key"), keyPEM, 0o600)
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey, years int) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour) // a host whose clock is corrected backwards still boots
	template.NotAfter = template.NotBefore.AddDate(years, 0, 0)
	return x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return encode("EC PRIVATE KEY", der), err
}

// write replaces a file whole, so that a kill in the middle leaves the old one or the new one.
func write(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
