package sentinel

import (
	"slices"
	"strings"
)

// Set is what is looked for on its way to one receiver: the secrets of all others.
// Its memory is kept when it is emptied. It is not safe for concurrent use.
//
// The search reads four bytes at every third position, so that of a text of six one
// of the first three such windows is met. Those windows of every notation are in a
// table, with a bitmap in front of it that is nearly empty. Numbers are found by
// their last seven digits.
type Set struct {
	patterns []pattern
	numbers  []number
	entries  []entry
	bits     [gramBits / 64]uint64
	heads    [gramHeads]uint16 // of entries by hash, from 1; 0: none
	tails    [tailBits / 64]uint64
	missed   int
	hit      Hit // that is being told
}

const (
	gramBits  = 1 << 13
	gramHeads = 1 << 9
	tailBits  = 1 << 10
)

// maxPatterns bounds a set: there is room for all that a call keeps of its parties. What
// came after that would not be looked for, and is counted.
const maxPatterns = 512

// pattern is one secret. Owner is for the caller.
type pattern struct {
	Secret
	owner   uint8
	at      uint8 // where the windows of the plain text begin
	excused bool
	address bool // digits and dots
}

// number is what is looked for of one number besides.
type number struct {
	pattern uint16
	tail    uint32    // its last seven digits, four bits each
	long    bool      // it is found wherever it is
	first   byte      // its first digit
	packed  [2][]byte // reversed BCD of whole bytes: of all digits, and of those behind the first, which shares a byte with whatever is in front
	text    [2][]byte // the same in hexadecimal digits
	odd     [2]byte   // the last digit, where it shares a byte with what is behind; 0: it does not
	typed   [2]bool   // the bytes are characters that may be typed, and none of our own words
	memory  [2][24]byte
}

// entry is one window of a notation: from the lowest bit 32 of the window, 16 of the
// next entry with its hash, 11 of the pattern, 3 of the form, 2 of its offset in that.
type entry uint64

const (
	patternAt = 48
	formAt    = 59
	offsetAt  = 62
)

func (e entry) gram() uint32    { return uint32(e) }
func (e entry) next() uint16    { return uint16(e >> 32) }
func (e entry) pattern() uint16 { return uint16(e >> patternAt & (1<<(formAt-patternAt) - 1)) }
func (e entry) notation() form  { return form(e >> formAt & (1<<(offsetAt-formAt) - 1)) }
func (e entry) offset() int     { return int(e >> offsetAt) }

// form is a notation of a secret.
type form uint64

const (
	plain form = iota
	base64a
	base64b
	base64c
	hexadecimal
	bcd
	bcdOdd
)

// keptEntries bounds the memory that an emptied set keeps: that of some 100 secrets.
const keptEntries = 2048

// Reset empties the set.
func (s *Set) Reset() {
	if s.missed = 0; len(s.patterns) == 0 {
		return
	}
	if cap(s.entries) > keptEntries {
		*s = Set{}
		return
	}
	clear(s.patterns) // so that no text is kept alive
	s.patterns, s.numbers, s.entries = s.patterns[:0], s.numbers[:0], s.entries[:0]
	clear(s.bits[:])
	clear(s.heads[:])
	clear(s.tails[:])
}

// Len is how many secrets are looked for.
func (s *Set) Len() int { return len(s.patterns) }

// Missed is how many secrets found no room since the set was emptied.
func (s *Set) Missed() int { return s.missed }

// Add puts one secret of an owner into the set.
func (s *Set) Add(secret Secret, owner uint8) {
	if len(secret.Text) < MinLength {
		return
	}
	if len(s.patterns) >= maxPatterns {
		s.missed++
		return
	}
	id := uint16(len(s.patterns))
	s.patterns = append(s.patterns, pattern{Secret: secret, owner: owner})
	p := &s.patterns[id]
	t := secret.Text
	if secret.Kind == Number {
		s.addNumber(id, t)
	} else {
		// Addresses of one network begin alike, names of one domain end alike.
		if p.address = secret.Kind == Host && numeric(t); p.address {
			p.at = uint8(len(t) - MinLength)
		}
		s.enterText(first6(t[p.at:]), id, plain)
	}
	if secret.Kind >= Branch {
		return
	}
	v := word48(t)
	for f := base64a; f <= base64c; f++ {
		s.enter64(v>>(12-skipped[f-base64a]), id, f)
	}
	var hex uint64
	for i := range 6 {
		hex |= uint64(alphabetHex[v>>(44-4*i)&15]) << (8 * i)
	}
	s.enterText(hex, id, hexadecimal)
}

// first6 are the first six bytes as they stand in memory, the first one the lowest.
func first6[T string | []byte](t T) uint64 {
	_ = t[5]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 | uint64(t[4])<<32 | uint64(t[5])<<40
}

// word48 are the first six bytes, the first one the highest.
func word48(t string) uint64 {
	_ = t[5]
	return uint64(t[0])<<40 | uint64(t[1])<<32 | uint64(t[2])<<24 | uint64(t[3])<<16 | uint64(t[4])<<8 | uint64(t[5])
}

// skipped are the bits of the first byte that are in a character which the byte in
// front of it is in too, by alignment.
var skipped = [3]uint{0, 4, 2}

// enter64 enters the first six whole characters of a base64 notation, whose bits are
// the lowest 36. Two characters differ in the URL alphabet.
func (s *Set) enter64(v uint64, id uint16, f form) {
	var c uint64
	differs := false
	for i := range 6 {
		bits := v >> (30 - 6*i) & 63
		c |= uint64(alphabet64[bits]) << (8 * i)
		differs = differs || bits >= 62
	}
	s.enterText(c, id, f)
	if !differs {
		return
	}
	c = 0
	for i := range 6 {
		c |= uint64(alphabetURL[v>>(30-6*i)&63]) << (8 * i)
	}
	s.enterText(c, id, f)
}

// enterText enters the three windows of six characters, the first one in the lowest
// byte.
func (s *Set) enterText(c uint64, id uint16, f form) {
	n := len(s.entries)
	s.entries = slices.Grow(s.entries, 3)[:n+3]
	e := s.entries[n : n+3 : n+3]
	what := entry(id)<<patternAt | entry(f)<<formAt
	for o := range e {
		gram := uint32(c>>(8*o)) | folded
		h := hash(gram)
		s.bits[h>>(32-13)/64] |= 1 << (h >> (32 - 13) % 64)
		head := &s.heads[h>>(32-9)]
		e[o] = entry(gram) | entry(*head)<<32 | what | entry(o)<<offsetAt
		*head = uint16(n + o + 1)
	}
}

// folded makes letters of both cases one, and some signs too.
const folded = 0x20202020

func hash(gram uint32) uint32 { return gram * 0x9E3779B1 }

// addNumber enters what is looked for of a number besides.
func (s *Set) addNumber(id uint16, digits string) {
	if cap(s.numbers) > len(s.numbers) {
		s.numbers = s.numbers[:len(s.numbers)+1]
	} else {
		s.numbers = append(s.numbers, number{})
	}
	n := &s.numbers[len(s.numbers)-1]
	n.pattern, n.tail, n.long, n.first = id, 0, len(digits) >= longDigits, digits[0]
	for i := len(digits) - MinDigits; i < len(digits); i++ {
		n.tail = n.tail<<4 | uint32(digits[i]-'0')
	}
	h := hash(n.tail) >> (32 - 10)
	s.tails[h/64] |= 1 << (h % 64)
	for f := range n.packed {
		d := digits[f:]
		m := &n.memory[f]
		size := min(len(d)/2, 8)
		for k := range size {
			lo, hi := d[2*k], d[2*k+1]
			m[k] = lo - '0' | (hi-'0')<<4
			m[8+2*k], m[9+2*k] = hi, lo
		}
		n.packed[f], n.text[f] = m[:size], m[8:8+2*size]
		if n.odd[f] = 0; len(d)%2 != 0 {
			n.odd[f] = d[len(d)-1]
		}
		n.typed[f] = typed(n.packed[f])
		s.enterText(first6(n.text[f]), id, bcd+form(f))
	}
}

// leastTyped is how many characters in a row are not there by chance.
const leastTyped = 5

// typed says whether bytes are characters that may be typed, enough of them, and nothing
// that this program writes itself.
func typed(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return len(b) >= leastTyped && !strings.Contains(vocabulary, string(b))
}

func numeric(host string) bool {
	for i := 0; i < len(host); i++ {
		if class[host[i]] != digit && host[i] != '.' {
			return false
		}
	}
	return true
}

const (
	alphabet64  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	alphabetURL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	alphabetHex = "0123456789abcdef"
)
