package stacks

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
)

// digestRounds makes one guess cost about a quarter of a second (OWASP's figure for PBKDF2 with SHA-256).
const digestRounds = 600_000

// passwordDigest changes with a password and gives it away to nobody: the hash is slow, salted with where the password is used, and cut to
// 64 bits. A password has 16 characters at least, so guessing is hopeless.
func passwordDigest(password, namespace, service string) (string, error) {
	key, err := pbkdf2.Key(sha256.New, password, []byte("opex/"+namespace+"/"+service), digestRounds, 8)
	return hex.EncodeToString(key), err
}
