// Package srtp keys SRTP by session descriptions (SDES, RFC 4568) and protects
// the packets of one leg (RFC 3711, RFC 7714). It reads and writes the value of
// a=crypto, derives our own keys from a secret of the leg, and opens and seals
// packets in place over github.com/pion/srtp.
//
// A key prints itself masked whatever prints it. The package draws no random
// value: the secret is handed in.
package srtp

import (
	"strings"

	"github.com/pion/srtp/v3"
)

// Suite is a crypto suite. The zero value is none: plain RTP.
type Suite uint8

// The suites that are known, the one that is liked best first.
const (
	None           Suite = iota
	AES256GCM            // AEAD_AES_256_GCM, RFC 7714 section 14.2
	AES128GCM            // AEAD_AES_128_GCM
	AES128CMSHA180       // AES_CM_128_HMAC_SHA1_80, RFC 4568 section 6.2.1
	AES128CMSHA132       // AES_CM_128_HMAC_SHA1_32: a short tag on RTP, the long one on RTCP
)

// Suites lists them in the order in which they are offered.
var Suites = []Suite{AES256GCM, AES128GCM, AES128CMSHA180, AES128CMSHA132}

var names = [...]string{"", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}

// String is the name in descriptions, "" for none.
func (s Suite) String() string {
	if int(s) >= len(names) {
		return ""
	}
	return names[s]
}

// suiteOf finds a suite by its name, None when it is not known.
func suiteOf(name string) Suite {
	for _, s := range Suites {
		if strings.EqualFold(s.String(), name) {
			return s
		}
	}
	return None
}

// sizes are the lengths of the master key and salt, in bytes.
func (s Suite) sizes() (key, salt int) {
	switch s {
	case AES256GCM:
		return 32, 12
	case AES128GCM:
		return 16, 12
	case AES128CMSHA180, AES128CMSHA132:
		return 16, 14
	}
	return 0, 0
}

// size is the length of key and salt together, as they stand in a description.
func (s Suite) size() int {
	key, salt := s.sizes()
	return key + salt
}

func (s Suite) profile() srtp.ProtectionProfile {
	switch s {
	case AES256GCM:
		return srtp.ProtectionProfileAeadAes256Gcm
	case AES128GCM:
		return srtp.ProtectionProfileAeadAes128Gcm
	case AES128CMSHA132:
		return srtp.ProtectionProfileAes128CmHmacSha1_32
	}
	return srtp.ProtectionProfileAes128CmHmacSha1_80
}

// Overhead is the most bytes that sealing adds to a packet: tag and, for RTCP,
// the index.
const Overhead = 16 + 4
