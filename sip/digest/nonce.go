package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// nonceLife is how long a nonce may be used.
const nonceLife = 5 * time.Minute

// A nonce is its time, what makes it unlike any other of that second, and a mark
// over both, in letters:
//
//	| seconds 16 | salt 16 | mark 32 |
//
// The mark is keyed by the server, and covers the address that the nonce was
// given to: whoever sends it back has received it there. So nothing is kept for a
// challenge, a nonce that was overheard serves nobody elsewhere, and a forged
// address fails on nobody's account.
const (
	nonceSeconds = 16
	nonceSalt    = 16
	nonceLen     = 64
)

// alphabet gives four bits a letter. Without digits no nonce can hold a piece of
// a number.
const alphabet = "bcdfghjkmnpqrstv"

func appendLetters(dst, bits []byte) []byte {
	for _, b := range bits {
		dst = append(dst, alphabet[b>>4], alphabet[b&15])
	}
	return dst
}

// number reads the bits of 16 letters. False: there is something else.
func number(letters string) (n uint64, ok bool) {
	for i := range len(letters) {
		v := -1
		for j := range len(alphabet) {
			if alphabet[j] == letters[i] {
				v = j
			}
		}
		if v < 0 {
			return 0, false
		}
		n = n<<4 | uint64(v)
	}
	return n, true
}

// nonce mints the nonce of a challenge to source. The same salt gives the same
// nonce for the same second.
func (s *Server) nonce(now time.Time, salt string, source netip.Prefix) string {
	b := make([]byte, 0, nonceLen)
	b = appendLetters(b, binary.BigEndian.AppendUint64(nil, uint64(now.Unix())))
	b = appendLetters(b, s.sum([]byte("salt"), []byte(salt))[:nonceSalt/2])
	return string(appendLetters(b, s.mark(b, source)))
}

// minted tells when a nonce was given to source. False: it was not.
func (s *Server) minted(nonce string, source netip.Prefix) (time.Time, bool) {
	if len(nonce) != nonceLen {
		return time.Time{}, false
	}
	head := []byte(nonce[:nonceSeconds+nonceSalt])
	if !hmac.Equal([]byte(nonce[len(head):]), appendLetters(nil, s.mark(head, source))) {
		return time.Time{}, false
	}
	seconds, ok := number(nonce[:nonceSeconds])
	return time.Unix(int64(seconds), 0), ok
}

func (s *Server) mark(head []byte, source netip.Prefix) []byte {
	at := source.Addr().As16()
	return s.sum([]byte("nonce"), head, at[:])[:16]
}

// sum is the server's keyed hash over parts.
func (s *Server) sum(parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	for _, p := range parts {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// network is what a source is known by: its address, of IPv6 the /64 in which
// one host may have any.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	case a.Is6():
		return netip.PrefixFrom(a, 64).Masked()
	}
	return netip.PrefixFrom(a, a.BitLen())
}
