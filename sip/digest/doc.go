// Package digest is digest authentication in both directions (RFC 3261 section
// 22, RFC 7616, RFC 8760, and RFC 2617 for peers that know no more): a [Client]
// answers the challenges of a trunk, a [Server] challenges what comes in on one.
//
// It is pure: the time and what is random come from the caller. The digest
// itself and the text of credentials and of our challenges are made by
// github.com/icholy/digest. What that lacks is in here: parameters as peers write
// them, the choice among several challenges, the session variants of the
// algorithms, nonces and their counts.
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
)

// Algorithms as a challenge names them (RFC 8760 section 2.1).
const (
	MD5       = "MD5"
	SHA256    = "SHA-256"
	SHA512256 = "SHA-512-256"
)

// session is the end of an algorithm's name that hashes the password together
// with a nonce of either side.
const session = "-SESS"

// algorithm takes the name of one apart: the hash, in the form of the constants,
// and whether it is the session variant. No name is MD5. False: not supported.
func algorithm(name string) (base string, sess, ok bool) {
	base, sess = strings.CutSuffix(strings.ToUpper(name), session)
	if name == "" {
		base = MD5
	}
	return base, sess, newHash(base) != nil
}

func newHash(base string) hash.Hash {
	switch base {
	case MD5:
		return md5.New()
	case SHA256:
		return sha256.New()
	case SHA512256:
		return sha512.New512_256()
	}
	return nil
}

// strength ranks the hashes: with MD5 anything is better, and what a trunk lists
// first wins among equals (RFC 8760 section 2.4).
func strength(base string) int {
	if base == MD5 {
		return 0
	}
	return 1
}

// secretHash is A1 of RFC 7616 section 3.4.2, hashed: what a password is worth in
// one realm.
func secretHash(base, user, realm string, password Secret) string {
	return hexHash(base, user, realm, password.reveal())
}

func hexHash(base string, parts ...string) string {
	h := newHash(base)
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}
