package sentinel

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// maxGap is how many separators may stand between two digits of a number.
const maxGap = 3

// longDigits is the length of a number that is found wherever it is. A shorter one
// has to stand for itself: by chance it is part of other figures.
const longDigits = 10

// searchDigits finds numbers with or without separators. A run of digits and
// separators of seven or more has one at every seventh position.
func (s *Set) searchDigits(b []byte, leaked func(*Hit) bool) bool {
	for i := MinDigits - 1; i < len(b); i += MinDigits {
		if class[b[i]] == 0 {
			continue
		}
		// On one side of it there are three more of such a run, or there is none.
		if class[b[i-3]] == 0 && (i+3 >= len(b) || class[b[i+3]] == 0) {
			continue
		}
		from := i
		for from > 0 && class[b[from-1]] != 0 {
			from--
		}
		var tail uint32
		n, gap := 0, 0
		for i = from; i < len(b); i++ {
			d := uint32(b[i]) - '0'
			if d > 9 {
				if class[b[i]] == 0 {
					break
				}
				if gap++; gap > maxGap {
					n = 0
				}
				continue
			}
			gap = 0
			tail = tail<<4 | d
			if n++; n < MinDigits {
				continue
			}
			t := tail & (1<<(4*MinDigits) - 1)
			if h := hash(t) >> (32 - 10); s.tails[h/64]>>(h%64)&1 != 0 && s.endsHere(b, i+1, t, leaked) {
				return true
			}
		}
	}
	return false
}

// endsHere looks at the numbers that end in seven digits.
func (s *Set) endsHere(b []byte, end int, tail uint32, leaked func(*Hit) bool) bool {
	for k := range s.numbers {
		if s.numbers[k].tail == tail && s.matchNumber(b, end, s.numbers[k].pattern, leaked) {
			return true
		}
	}
	return false
}

// matchNumber looks at one place where the last digits of a number end.
func (s *Set) matchNumber(b []byte, end int, id uint16, leaked func(*Hit) bool) bool {
	p := &s.patterns[id]
	if p.excused {
		return false
	}
	start, gap, gaps := end, 0, 0
	for k := len(p.Text) - 1; k >= 0; {
		if start--; start < 0 {
			return false
		}
		switch class[b[start]] {
		case digit:
			if b[start] != p.Text[k] {
				return false
			}
			gap = 0
			k--
		case separator:
			gaps++
			if gap++; gap > maxGap {
				return false
			}
		default:
			return false
		}
	}
	if len(p.Text) < longDigits && !alone(b, start, end, gaps > 0) || inPublic(b, start, end) {
		return false
	}
	return s.tell(leaked, id, b, start, end)
}

// alone says whether a short number stands for itself: nothing but a prefix in front
// of it, nothing behind it. With separators in it, it is on no line of a session
// description, where figures stand side by side.
func alone(b []byte, start, end int, gaps bool) bool {
	if wordAt(b, end) {
		return false
	}
	from := start
	for from > 0 && digitAt(b, from-1) {
		from--
	}
	switch string(b[from:start]) {
	case "", "0", "00":
	default:
		return false
	}
	if wordAt(b, from-1) && byteAt(b, from-1) != '+' && byteAt(b, from-1) != '/' {
		return false
	}
	if !gaps {
		return true
	}
	line := bytes.LastIndexByte(b[:start], '\n') + 1
	if byteAt(b, line+1) == '=' || bytes.IndexByte(b[start:end], '.') >= 0 {
		return false
	}
	return !(class[byteAt(b, end)] == separator && digitAt(b, end+1)) && !(class[byteAt(b, from-1)] == separator && digitAt(b, from-2))
}

// inPublic says whether digits are part of a 700 number: they are in it by chance.
func inPublic(b []byte, start, end int) bool {
	from, to := widen(b, start, end)
	if from == start && to == end {
		return false
	}
	run := national(b[from:to])
	return len(run) == 15 && hasPrefix(run, "700")
}

// national are digits without what says where they are valid.
func national(run []byte) []byte {
	for _, prefix := range [...]string{"00", "86", "0"} {
		if hasPrefix(run, prefix) {
			run = run[len(prefix):]
		}
	}
	return run
}

// same says whether a run of digits is a number, with or without what stands in front of
// that: what else was found in it is there by chance.
func same(run []byte, number string) bool {
	return number != "" && string(national(run)) == number
}

// widen widens a place to the digits that are next to it.
func widen(b []byte, start, end int) (from, to int) {
	from, to = start, end
	for from > 0 && digitAt(b, from-1) {
		from--
	}
	for to < len(b) && digitAt(b, to) {
		to++
	}
	return from, to
}

// within says whether what was found in a run of digits is there by chance: the run is
// another number, with or without what stands in front of that, and it is part of it.
func within(run []byte, start, end int, number string) bool {
	if number == "" {
		return false
	}
	if end-start == len(run) {
		return string(run) == number // which is another's in reversed BCD
	}
	i := bytes.Index(run, []byte(number))
	return i >= 0 && start < i+len(number) && end > i
}

// searchPacked finds numbers in reversed BCD. Bytes of such numbers are characters too, so
// that text is searched for those alone that are long and nothing but characters: of ten
// thousand numbers six hundred are so.
func (s *Set) searchPacked(b []byte, leaked func(*Hit) bool) bool {
	text := isText(b)
	for k := range s.numbers {
		n := &s.numbers[k]
		p := &s.patterns[n.pattern]
		for f := range n.packed {
			if text && !n.typed[f] {
				continue
			}
			packed := n.packed[f]
			for at := 0; !p.excused; at++ {
				i := bytes.Index(b[at:], packed)
				if i < 0 {
					break
				}
				at += i
				end := at + len(packed)
				if !n.beside(b, at, end, f) || !n.typed[f] && isText(b[max(at-randomRun, 0):min(end+randomRun, len(b))]) || n.typed[f] && inRandom(b, at, end) {
					continue
				}
				if s.tell(leaked, n.pattern, b, at, end) {
					return true
				}
			}
		}
	}
	return false
}

// beside says whether the digits that share a byte with others are there too: the first,
// where the number begins within a byte, and the last, where it ends within one.
func (n *number) beside(b []byte, start, end, f int) bool {
	if f == 1 && (start == 0 || b[start-1]>>4 != n.first-'0') {
		return false
	}
	return n.odd[f] == 0 || end < len(b) && b[end]&15 == n.odd[f]-'0'
}

// isText says that bytes are lines of ASCII.
func isText(b []byte) bool {
	const (
		high  = 0x8080808080808080
		low7  = 0x7f7f7f7f7f7f7f7f
		blank = 0x6060606060606060 // 0x80 - ' ' in every byte
	)
	all, controls, i := uint64(0), 0, 0
	for ; i+8 <= len(b); i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		all |= v
		controls += bits.OnesCount64(^(v&low7 + blank) & high)
	}
	for ; i < len(b); i++ {
		all |= uint64(b[i])
		if b[i]&0x7f < ' ' {
			controls++
		}
	}
	if all&high != 0 {
		return false
	}
	for _, c := range [...]byte{'\r', '\n', '\t'} {
		if controls > 0 {
			controls -= bytes.Count(b, []byte{c})
		}
	}
	return controls == 0
}
