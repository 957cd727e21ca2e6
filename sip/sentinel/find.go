package sentinel

import (
	"bytes"
	"encoding/binary"
)

// Hit is a secret that was found.
type Hit struct {
	Secret
	Owner      uint8
	Text       []byte // what was searched: the message, or what its percent signs or full-width digits stand for
	Start, End int    // where it is in that
	id         uint16
}

// Finder searches messages. Its memory is for one search at a time.
type Finder struct {
	decoded [rounds][]byte
	narrow  []byte
	one     Set
	text    []byte // of which holds is asked, and what it stands for: a hit lies in those above meanwhile
	plain   [rounds][]byte
	slim    []byte
}

// rounds is how often percent signs are taken for what they stand for.
const rounds = 2

// Find searches a message for the secrets of a set and gives every one that is
// there to leaked, until that says true. What it says false to may be met again;
// see [Set.Excuse]. It says whether leaked did. The hit is good until leaked returns.
func (f *Finder) Find(s *Set, msg []byte, leaked func(*Hit) bool) bool {
	if len(s.patterns) == 0 {
		return false
	}
	if f.search(s, msg, leaked) {
		return true
	}
	for i := range rounds {
		b, ok := unescape(f.decoded[i][:0], msg)
		if !ok {
			return false
		}
		f.decoded[i] = b
		if f.search(s, b, leaked) {
			return true
		}
		msg = b
	}
	return false
}

// search searches bytes as they are, and for numbers with full-width digits as those of
// ASCII.
func (f *Finder) search(s *Set, b []byte, leaked func(*Hit) bool) bool {
	if s.search(b, leaked) {
		return true
	}
	if len(s.numbers) == 0 || bytes.IndexByte(b, wide) < 0 {
		return false
	}
	narrow, ok := narrowed(f.narrow[:0], b)
	f.narrow = narrow
	return ok && s.searchDigits(narrow, leaked)
}

// Excuse lets a secret pass from now on, until the set is emptied.
func (s *Set) Excuse(h *Hit) { s.patterns[h.id].excused = true }

// holds says whether a text holds a secret in any notation.
func (f *Finder) holds(text string, secret Secret) bool {
	if len(text) < MinLength {
		return false
	}
	f.one.Reset()
	f.one.Add(secret, 0)
	f.text = append(f.text[:0], text...)
	yes, b := func(*Hit) bool { return true }, f.text
	for i := 0; ; i++ {
		if f.one.search(b, yes) {
			return true
		}
		if narrow, ok := narrowed(f.slim[:0], b); ok {
			f.slim = narrow
			if f.one.search(narrow, yes) {
				return true
			}
		}
		if i == rounds {
			return false
		}
		plain, ok := unescape(f.plain[i][:0], b)
		if !ok {
			return false
		}
		f.plain[i], b = plain, plain
	}
}

// tell gives a hit to who asked, in memory that is used again.
func (s *Set) tell(leaked func(*Hit) bool, id uint16, b []byte, start, end int) bool {
	p := &s.patterns[id]
	s.hit = Hit{p.Secret, p.owner, b, start, end, id}
	stop := leaked(&s.hit)
	s.hit = Hit{} // so that no message is kept alive
	return stop
}

// search searches bytes as they are.
func (s *Set) search(b []byte, leaked func(*Hit) bool) bool {
	return s.searchTexts(b, leaked) || len(s.numbers) > 0 && (s.searchDigits(b, leaked) || s.searchPacked(b, leaked))
}

// searchTexts looks at every third window.
func (s *Set) searchTexts(b []byte, leaked func(*Hit) bool) bool {
	i := 0
	// Four at a time, of two loads, as long as none of them may be of a secret.
	for ; i+16 <= len(b); i += 12 {
		v, w := binary.LittleEndian.Uint64(b[i:i+16])|folded<<32|folded, binary.LittleEndian.Uint64(b[i+8:i+16])|folded<<32|folded
		if s.near(uint32(v))|s.near(uint32(v>>24))|s.near(uint32(v>>48|w<<16))|s.near(uint32(w>>8)) == 0 {
			continue
		}
		if s.searchWindows(b, i, i+12, leaked) {
			return true
		}
	}
	return s.searchWindows(b, i, len(b)-3, leaked)
}

// near is 0 where no window of the set is like one.
func (s *Set) near(gram uint32) uint64 {
	h := hash(gram) >> (32 - 13)
	return s.bits[h/64] >> (h % 64) & 1
}

// searchWindows looks at every third window from one place to another.
func (s *Set) searchWindows(b []byte, i, end int, leaked func(*Hit) bool) bool {
	for ; i < end; i += 3 {
		g := binary.LittleEndian.Uint32(b[i:]) | folded
		h := hash(g)
		if s.bits[h>>(32-13)/64]>>(h>>(32-13)%64)&1 == 0 {
			continue
		}
		for at := s.heads[h>>(32-9)]; at != 0; {
			e := s.entries[at-1]
			at = e.next()
			if e.gram() == g && s.match(b, i, e, leaked) {
				return true
			}
		}
	}
	return false
}

// match looks at one place where a window is.
func (s *Set) match(b []byte, at int, e entry, leaked func(*Hit) bool) bool {
	id, f := e.pattern(), e.notation()
	p := &s.patterns[id]
	start := at - e.offset()
	if f == plain {
		start -= int(p.at)
	}
	if p.excused || start < 0 {
		return false
	}
	end := 0
	switch f {
	case plain:
		end = start + len(p.Text)
		if end > len(b) || !equalFold(b[start:end], p.Text) || !p.stands(b, start, end) {
			return false
		}
	case hexadecimal:
		end = start + 2*len(p.Text)
		if end > len(b) || !isHex(b[start:end], p.Text) {
			return false
		}
	case bcd, bcdOdd:
		n := s.numberOf(id)
		t := n.text[f-bcd]
		end = start + len(t)
		if end > len(b) || !bytes.Equal(b[start:end], t) || !n.whole(b, start, end, f) {
			return false
		}
	default:
		n := is64(b[start:], p.Text, skipped[f-base64a])
		if n == 0 {
			return false
		}
		end = start + n
	}
	return s.tell(leaked, id, b, start, end)
}

// whole says that the digits that are in a pair with others are there too (the first, where
// the number begins within a pair, and the last, where it ends within one), and that few
// digits stand for themselves, with nothing but a 0 or 00 in front.
func (n *number) whole(b []byte, start, end int, f form) bool {
	k := f - bcd
	if k == 1 {
		if start -= 2; start < 0 || b[start] != n.first || !digitAt(b, start+1) {
			return false
		}
	}
	if n.odd[k] != 0 {
		if end+2 > len(b) || b[end+1] != n.odd[k] || unhex(b[end]) < 0 || !n.long && b[end]|0x20 != 'f' && b[end] != '0' {
			return false
		}
		end += 2
	}
	if n.long {
		return true
	}
	if k == 1 && b[start+1] != '0' {
		return false
	}
	from, to := widen(b, start, end)
	return to == end && (from == start || string(b[from:start]) == "00")
}

func (s *Set) numberOf(pattern uint16) *number {
	for i := range s.numbers {
		if s.numbers[i].pattern == pattern {
			return &s.numbers[i]
		}
	}
	return nil
}

// randomRun is the length of a word that is taken for random letters and digits: a
// token of ours, a key, a digest. shortText is what may be in one by chance.
const (
	randomRun = 24
	shortText = 12
)

// stands says whether a text that was found stands there for itself: an address, or
// a token of digits, is no part of a longer one, and a short text no part of a long
// random word.
func (p *pattern) stands(b []byte, start, end int) bool {
	if p.address {
		return !digitAt(b, start-1) && !(byteAt(b, start-1) == '.' && digitAt(b, start-2)) &&
			!digitAt(b, end) && !(byteAt(b, end) == '.' && digitAt(b, end+1))
	}
	if onlyDigits(p.Text) {
		return !digitAt(b, start-1) && !digitAt(b, end)
	}
	if len(p.Text) >= shortText {
		return true
	}
	return !inRandom(b, start, end)
}

// inRandom says whether a place is within a long random word.
func inRandom(b []byte, start, end int) bool {
	from, to := start, end
	for from > 0 && wordAt(b, from-1) {
		from--
	}
	for to < len(b) && wordAt(b, to) {
		to++
	}
	return (from < start || to > end) && to-from >= randomRun
}

func byteAt(b []byte, i int) byte {
	if i < 0 || i >= len(b) {
		return 0
	}
	return b[i]
}

func digitAt(b []byte, i int) bool { return class[byteAt(b, i)] == digit }

// wordAt says whether there is a letter, a digit or another character of base64.
func wordAt(b []byte, i int) bool {
	c := byteAt(b, i)
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '+' || c == '/'
}

func equalFold(b []byte, text string) bool {
	for i := range b {
		x, y := b[i], text[i]
		if x != y && (x^y != 0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

// isHex says whether b is a text in hexadecimal digits of either case.
func isHex(b []byte, text string) bool {
	for i := range len(text) {
		if unhex(b[2*i]) != int(text[i]>>4) || unhex(b[2*i+1]) != int(text[i]&15) {
			return false
		}
	}
	return true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// is64 says how many characters of b are all the whole ones of a text in base64, whose
// first bits are in the character before; 0: they are not.
func is64(b []byte, text string, skip uint) int {
	n := (8*len(text) - int(skip)) / 6
	if n > len(b) {
		return 0
	}
	for i := range n {
		bit := int(skip) + 6*i
		v := uint(text[bit/8]) << 8
		if bit/8+1 < len(text) {
			v |= uint(text[bit/8+1])
		}
		want := alphabet64[v>>(10-bit%8)&63]
		if b[i] != want && !(want == '+' && b[i] == '-') && !(want == '/' && b[i] == '_') {
			return 0
		}
	}
	return n
}

// wide is the first of the three bytes of a full-width character.
const wide = 0xef

// narrowed gives full-width digits and signs (U+FF01 to U+FF1F) as those of ASCII, behind
// dst, which may be the beginning of b. It is false where there is none.
func narrowed(dst, b []byte) ([]byte, bool) {
	i := bytes.IndexByte(b, wide)
	if i < 0 {
		return dst, false
	}
	dst = append(dst, b[:i]...)
	found := false
	for ; i < len(b); i++ {
		if b[i] == wide && i+2 < len(b) && b[i+1] == 0xbc && b[i+2] > 0x80 && b[i+2] < 0xa0 {
			dst = append(dst, b[i+2]-0x60)
			i += 2
			found = true
			continue
		}
		dst = append(dst, b[i])
	}
	return dst, found
}

// unescape undoes %HH behind dst. It is false where there is none.
func unescape(dst, b []byte) ([]byte, bool) {
	i := bytes.IndexByte(b, '%')
	if i < 0 {
		return dst, false
	}
	dst = append(dst, b[:i]...)
	any := false
	for ; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			if hi, lo := unhex(b[i+1]), unhex(b[i+2]); hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				i += 2
				any = true
				continue
			}
		}
		dst = append(dst, b[i])
	}
	return dst, any
}
