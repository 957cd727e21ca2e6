package binding

import (
	"bytes"
	"strconv"
	"strings"

	"mask700/binding/digit"
)

// maxWord is how many characters that are no separators may stand between two digits of a number.
const maxWord = 8

// Mentions reports whether a text has one of the numbers in it, with whatever
// prefix: in digits of any script and letters that look like them, with
// separators and a few other characters between.
func Mentions(text string, numbers ...Number) bool {
	var b [256]byte
	digits, letters := readDigits(b[:0], text, false)
	if mentioned(digits, numbers) {
		return true
	}
	if !letters {
		return false
	}
	digits, _ = readDigits(b[:0], text, true)
	return mentioned(digits, numbers)
}

// readDigits appends the digits of a text, with a blank where too much stands between two of them, and reports whether letters
// that look like digits are among its characters, outside of words.
func readDigits(digits []byte, text string, withLetters bool) (_ []byte, letters bool) {
	word := 0
	inWord, alike := false, false // in letters that are none, and in some that look like digits
	for _, r := range text {
		if c := r | 0x20; c >= 'a' && c <= 'z' && c != 'o' && c != 'l' && c != 'i' { // most of all there is
			word++
			inWord, alike = true, false
			continue
		}
		value, script, ok := digit.Of(r)
		if ok && script == digit.Letters {
			alike, ok = !inWord, withLetters
		} else {
			letters, inWord, alike = letters || alike, false, false
		}
		switch {
		case ok && word > maxWord:
			digits, word = append(digits, ' ', value+'0'), 0
		case ok:
			digits, word = append(digits, value+'0'), 0
		case !digit.IsSeparator(r) && !digit.IsUnseen(r):
			word++
		}
	}
	return digits, letters || alike
}

func mentioned(digits []byte, numbers []Number) bool {
	if len(digits) < leastMentioned {
		return false
	}
	var b [maxDigits]byte
	for _, n := range numbers {
		if !n.IsZero() && bytes.Contains(digits, significant(strconv.AppendUint(b[:0], n.value(), 10))) {
			return true
		}
	}
	return false
}

// Digits of the shortest number (E.164 has none shorter that is a subscriber's), and of the shortest without its country code
// that is looked for: shorter ones are in many a text.
const (
	leastMentioned = 7
	leastNational  = 8
)

// significant returns the part of a number's digits that every written form of it
// holds, whatever prefix it has.
func significant(digits []byte) []byte {
	if national := digits[min(CodeLength(digits), len(digits)):]; len(national) >= leastNational {
		return national
	}
	return digits
}

// CodeLength is how many digits the country code of a number has (ITU-T E.164, list of assigned codes).
func CodeLength[T string | []byte](digits T) int {
	if len(digits) < 2 {
		return len(digits)
	}
	switch digits[0] {
	case '1', '7':
		return 1
	case '2':
		return codeOf(digits[1], "07")
	case '3':
		return codeOf(digits[1], "0123469")
	case '4':
		return codeOf(digits[1], "013456789")
	case '5':
		return codeOf(digits[1], "12345678")
	case '6':
		return codeOf(digits[1], "0123456")
	case '8':
		return codeOf(digits[1], "1246")
	case '9':
		return codeOf(digits[1], "0123458")
	}
	return 3
}

// codeOf is 2 where the second digit ends a code, and 3 where it does not.
func codeOf(second byte, ending string) int {
	if strings.IndexByte(ending, second) >= 0 {
		return 2
	}
	return 3
}
