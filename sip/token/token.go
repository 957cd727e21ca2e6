// Package token makes the identifiers that this program puts into messages:
// tags, branches, Call-IDs and user parts.
//
// They are random letters and nothing else. Without digits no token can ever
// hold, or be mistaken for, a piece of a phone number.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/rand/v2"
)

// alphabet gives four bits a letter.
const alphabet = "bcdfghjkmnpqrstv"

// Lengths in letters.
const (
	tokenLen = 24 // 96 bits: a tag has to have 32 (RFC 3261 section 19.3)
	shardLen = 4
	macLen   = 16 // 64 bits
	callLen  = shardLen + tokenLen + macLen
)

// Secret keys the marks on our Call-IDs and the choice of a shard for those of
// others.
type Secret [32]byte

// Mint makes tokens from a seed: the same seed makes the same tokens, which is
// what lets a test replay a run. Outside of tests the seed is random. A Mint is
// not safe for concurrent use.
type Mint struct {
	source *rand.ChaCha8
	router *Router
	shard  uint16
}

// NewMint returns a mint for one shard.
func NewMint(seed [32]byte, router *Router, shard int) *Mint {
	return &Mint{source: rand.NewChaCha8(seed), router: router, shard: uint16(shard)}
}

// Token returns 96 random bits in 24 letters: a tag, a branch or a user part.
func (m *Mint) Token() string {
	var b [tokenLen]byte
	m.fill(b[:])
	return string(b[:])
}

// Branch returns a Via branch with the cookie of RFC 3261 section 8.1.1.7.
func (m *Mint) Branch() string {
	var b [7 + tokenLen]byte
	copy(b[:], "z9hG4bK")
	m.fill(b[7:])
	return string(b[:])
}

// CallID returns a Call-ID that names its shard and proves that we made it.
func (m *Mint) CallID() string {
	var b [callLen]byte
	letters(b[:shardLen], uint64(m.shard))
	m.fill(b[shardLen : shardLen+tokenLen])
	letters(b[shardLen+tokenLen:], m.router.mark(b[:shardLen+tokenLen]))
	return string(b[:])
}

// Session returns the session id of a description (RFC 8866 section 5.2), which has to
// be a number: of six digits, so that it is never taken for a piece of a phone
// number. It tells the sessions of one party's phone apart, beside the address.
func (m *Mint) Session() uint64 { return 100_000 + m.Uint64()%900_000 }

// Uint64 returns 64 random bits.
func (m *Mint) Uint64() uint64 { return m.source.Uint64() }

func (m *Mint) fill(b []byte) {
	for len(b) > 0 {
		n := min(len(b), 16)
		letters(b[:n], m.source.Uint64())
		b = b[n:]
	}
}

// letters writes the lowest 4*len(b) bits of v, at most 64.
func letters(b []byte, v uint64) {
	for i := range b {
		b[i] = alphabet[v&15]
		v >>= 4
	}
}

// Router tells which shard a message belongs to by its Call-ID. It is not safe
// for concurrent use; make one for each reader from the same secret.
type Router struct {
	shards int
	mac    hash.Hash
	sum    [sha256.Size]byte
}

// NewRouter returns a router over the given number of shards.
func NewRouter(secret Secret, shards int) *Router {
	return &Router{shards: shards, mac: hmac.New(sha256.New, secret[:])}
}

// Shard returns the shard of a Call-ID: the one written in it when it is ours,
// else one chosen by a keyed hash, so that a peer cannot aim at a shard.
func (r *Router) Shard(callID string) int {
	if s, ok := r.own(callID); ok && s < r.shards {
		return s
	}
	return int(r.mark([]byte(callID)) % uint64(r.shards))
}

// Own reports whether a Call-ID is one of ours.
func (r *Router) Own(callID string) bool {
	_, ok := r.own(callID)
	return ok
}

// own reads the shard from a Call-ID that carries our mark.
func (r *Router) own(callID string) (int, bool) {
	if len(callID) != callLen {
		return 0, false
	}
	var b [callLen]byte
	copy(b[:], callID)
	var want [macLen]byte
	letters(want[:], r.mark(b[:shardLen+tokenLen]))
	if !hmac.Equal(want[:], b[shardLen+tokenLen:]) {
		return 0, false
	}
	shard := 0
	for i := shardLen - 1; i >= 0; i-- {
		shard = shard<<4 | value(b[i])
	}
	return shard, true
}

func value(letter byte) int {
	for i := range len(alphabet) {
		if alphabet[i] == letter {
			return i
		}
	}
	return 0
}

func (r *Router) mark(b []byte) uint64 {
	r.mac.Reset()
	r.mac.Write(b)
	return binary.BigEndian.Uint64(r.mac.Sum(r.sum[:0]))
}

// Tag returns the tag of a response that is given without keeping state: the
// same for every repetition of the same request (RFC 3261 section 8.2.7).
func (r *Router) Tag(parts ...string) string {
	r.mac.Reset()
	for _, p := range parts {
		r.mac.Write([]byte(p))
		r.mac.Write([]byte{0})
	}
	sum := r.mac.Sum(r.sum[:0])
	var b [tokenLen]byte
	letters(b[:16], binary.BigEndian.Uint64(sum))
	letters(b[16:], binary.BigEndian.Uint64(sum[8:]))
	return string(b[:])
}
