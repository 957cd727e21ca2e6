package binding

import (
	"bytes"
	"slices"
	"strconv"
)

// Known is numbers that are looked for among digits of which nobody knows where a number begins: by the part that every written form of
// them holds, E.164 and national, whatever their country and however long they are. It keeps them under the veil, as a [Number] does.
type Known struct {
	sizes uint16 // of the parts, a bit for each
	parts []part
}

// part is what is looked for of a number, so many digits.
type part struct {
	veiled uint64
	size   int
}

// Know returns what finds the numbers. One that is zero or erased is nobody's.
func (p Plan) Know(numbers ...Number) Known {
	k := Known{parts: make([]part, 0, len(numbers))}
	var b [maxDigits]byte
	for _, n := range numbers {
		if n.IsZero() || n.IsErased() {
			continue
		}
		digits := strconv.AppendUint(b[:0], n.value(), 10)
		national := digits[min(CodeLength(digits), len(digits)):]
		if code := p.code(); bytes.HasPrefix(digits, []byte(code)) {
			national = digits[len(code):]
		}
		if len(national) < leastMentioned { // so few stand in many a text
			national = digits
		}
		k.parts = append(k.parts, part{processVeil.hide(decimalOf(national)), len(national)})
		k.sizes |= 1 << len(national)
	}
	return k
}

// At returns how many digits, values of '0' to '9', one of the numbers has that stands at their beginning, the longest; 0: none does.
func (k *Known) At(digits []byte) int {
	found, v := 0, uint64(0)
	for i, d := range digits[:min(len(digits), maxDigits)] {
		v = v*10 + uint64(d-'0')
		if size := i + 1; k.sizes>>size&1 == 1 && slices.Contains(k.parts, part{processVeil.hide(v), size}) {
			found = size
		}
	}
	return found
}

// decimalOf is the value of digits. A zero that they begin with is told by how many there are.
func decimalOf(digits []byte) (v uint64) {
	for _, d := range digits {
		v = v*10 + uint64(d-'0')
	}
	return v
}
