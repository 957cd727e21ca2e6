package text

import (
	"slices"
	"unicode/utf8"

	"mask700/binding"
	"mask700/binding/digit"
)

// Bounds of a written number, in digits: the shortest that is looked at, and 00,
// country code and 0 in front of the longest.
const (
	leastDigits = 7
	mostDigits  = 18
)

// leastReal is how many digits of a number have to be real ones, and not letters
// that look like them.
const leastReal = 4

// maxGap is how many separators may stand between two digits of a number.
const maxGap = 3

// maxWord is how many characters that are no separators may stand between two digits of a party's own number.
const maxWord = 8

// Screened is a text that has been looked through.
type Screened struct {
	Body    []byte // as it may go on
	Numbers int    // how many telephone numbers were in it, by their form
	Masked  int    // how many of them the policy has masked
	Refused bool   // it must not go on
}

// Screen looks for telephone numbers in a text and does with them as the policy
// says. Own are the parties' own numbers.
//
// Whether a number is the other party's must not be told to who wrote it, nor to who
// reads the counts. So a text is never refused for that alone: where others may pass it
// is masked, and where it is found inside of something that is no number by itself,
// too; and what is masked for that alone is not counted.
//
// The text is UTF-8. It is not changed; Body is a copy where something was masked.
func Screen(plan *binding.Plan, policy Policy, body []byte, own ...binding.Number) Screened {
	s := screen{plan: plan, policy: policy, own: own, known: plan.Know(own...), result: Screened{Body: body}}
	gap, word := 0, 0
	for at := 0; at < len(body); {
		r, size := utf8.DecodeRune(body[at:])
		switch value, kind, ok := digit.Of(r); {
		case ok && (kind != digit.Letters || s.looksLikeDigit(body, at)):
			n := len(s.all)
			starts := n == s.run || gap > 0 || s.all[n-1].script != kind
			s.all = append(s.all, glyph{start: at, end: at + size, value: value + '0', script: kind, starts: starts})
			at, gap, word = at+size, 0, 0
			continue
		case digit.IsUnseen(r):
		case digit.IsSeparator(r):
			if gap++; gap > maxGap {
				s.look()
				s.plus = false
			}
			if len(s.all) == s.run {
				s.plus = r == '+' || r == '＋'
			} else if r == '+' || r == '＋' {
				s.all[len(s.all)-1].plus = true
			}
		default:
			s.look()
			s.plus, gap = false, 0
			if word++; word > maxWord {
				s.owned()
			}
		}
		at += size
	}
	s.look()
	s.owned()
	switch {
	case s.result.Refused:
		s.result.Body, s.result.Masked = nil, 0
	case s.hidden:
		s.mask(body)
	}
	return s.result
}

// Holds reports whether a text has, by its form, a subscriber's number in it, whosever: one that Screen finds, and in more digits
// than a number has the eleven of a mobile, or what an area code or 86 begins, wherever they stand. What else may be a landline's
// is in most of long figures, as 20261126163700 is.
func Holds(plan *binding.Plan, body []byte) bool {
	if Screen(plan, Mask, body).Numbers > 0 {
		return true
	}
	if code := plan.CountryCode; code != "" && code != "86" {
		return false // the form of its numbers is not known
	}
	var b [64]byte
	run, gap := b[:0], 0
	for at := 0; at < len(body); {
		r, size := utf8.DecodeRune(body[at:])
		at += size
		switch value, kind, ok := digit.Of(r); {
		case ok && kind != digit.Letters:
			if gap = 0; len(run) == cap(run) {
				run = append(b[:0], run[len(run)-mostDigits:]...)
			}
			if run = append(run, value+'0'); endsIn(plan, run) {
				return true
			}
		case digit.IsUnseen(r):
		case digit.IsSeparator(r) && gap < maxGap:
			gap++
		default:
			run, gap = b[:0], 0
		}
	}
	return false
}

// endsIn says whether the last digits of a run are a subscriber's number.
func endsIn(plan *binding.Plan, run []byte) bool {
	for _, size := range [...]int{11, 12, 13} {
		if size > len(run) {
			break
		}
		d := run[len(run)-size:]
		switch {
		case size == 11 && d[0] == '1' && d[1] >= '3', size <= 12 && d[0] == '0' && d[1] != '0', size >= 12 && d[0] == '8' && d[1] == '6':
			if _, err := plan.ParseNumber(string(d)); err == nil {
				return true
			}
		}
	}
	return false
}

// looksLikeDigit says of a letter that it is no part of a word: "No." and "call" have
// none.
func (s *screen) looksLikeDigit(body []byte, at int) bool {
	n := len(s.all)
	if at > 0 && isLetter(body[at-1]) && (n == s.run || s.all[n-1].end != at) {
		return false
	}
	if at+1 == len(body) || !isLetter(body[at+1]) {
		return true
	}
	_, kind, ok := digit.Of(rune(body[at+1]))
	return ok && kind == digit.Letters
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// glyph is one digit of a text.
type glyph struct {
	start, end int
	value      byte // '0' to '9'
	script     digit.Script
	starts     bool // a group of digits
	plus       bool // there is a plus behind it
	hidden     bool // it is to be masked
}

// screen is the work on one text.
type screen struct {
	plan   *binding.Plan
	policy Policy
	own    []binding.Number
	known  binding.Known // them
	all    []glyph       // of the text so far
	run    int           // where those begin that have nothing but separators between them
	span   int           // and those that have no more than a few words between them
	plus   bool          // in front of the run
	hidden bool          // something is to be masked
	result Screened
}

// look looks through a run that is over.
func (s *screen) look() {
	run := s.all[s.run:]
	s.run = len(s.all)
	if len(run) >= leastDigits {
		s.numbers(run)
	}
}

// numbers finds the numbers that are made of whole groups, at each place the longest.
func (s *screen) numbers(run []glyph) {
	for i := 0; i < len(run); {
		if !run[i].starts {
			i++
			continue
		}
		n, found := s.longest(run, i)
		if n == 0 {
			i++
			continue
		}
		s.result.Numbers++
		switch {
		case s.policy == Refuse:
			s.result.Refused = true
		case s.policy == Mask:
			s.result.Masked++
			s.hide(run[i : i+n])
		case slices.Contains(s.own, found):
			s.hide(run[i : i+n])
		}
		i += n
	}
}

// longest is how many digits the longest number has that begins at a place; 0: none
// does.
func (s *screen) longest(run []glyph, from int) (int, binding.Number) {
	var b [mostDigits + 1]byte
	plus := from == 0 && s.plus || from > 0 && run[from-1].plus
	n, real, length := 0, 0, 0
	var found binding.Number
	if plus {
		b[0], n = '+', 1
	}
	for k := from; k < len(run) && k-from < mostDigits; k++ {
		if k > from && run[k-1].plus {
			break // another number begins
		}
		b[n] = run[k].value
		n++
		if run[k].script != digit.Letters {
			real++
		}
		if k+1 < len(run) && !run[k+1].starts || real < leastReal {
			continue
		}
		if number, ok := s.written(b[:n]); ok {
			found, length = number, k-from+1
		}
	}
	return length, found
}

// written reads whole groups as a number that is written to be called.
func (s *screen) written(text []byte) (binding.Number, bool) {
	d := string(text)
	switch {
	case d[0] == '+':
	case len(d) == 11 && d[0] == '1', len(d) == 13 && d[:3] == "861": // mobile
	case len(d) >= 9 && d[0] == '0' && d[1] != '0': // with an area code, or a mobile behind a 0
	case len(d) >= 10 && d[:2] == "00": // behind the code of its country
	default:
		return binding.Number{}, false
	}
	n, err := s.plan.ParseNumber(d)
	return n, err == nil
}

// owned finds the parties' own numbers wherever they are in a span that is over. They are masked, whatever the policy: see
// Screen.
func (s *screen) owned() {
	span := s.all[s.span:]
	s.span = len(s.all)
	if s.result.Refused || len(span) < leastDigits {
		return
	}
	digits := make([]byte, len(span))
	letters := false
	for i := range span {
		digits[i], letters = span[i].value, letters || span[i].script == digit.Letters
	}
	for i := range digits {
		s.hide(span[i : i+s.known.At(digits[i:])])
	}
	if !letters {
		return
	}
	// Letters that look like digits may be letters all the same.
	var places []int // of the others
	digits = digits[:0]
	for i := range span {
		if span[i].script != digit.Letters {
			digits, places = append(digits, span[i].value), append(places, i)
		}
	}
	for i := range digits {
		for _, at := range places[i : i+s.known.At(digits[i:])] {
			s.hide(span[at : at+1])
		}
	}
}

// hide has digits masked.
func (s *screen) hide(number []glyph) {
	s.hidden = s.hidden || len(number) > 0
	for i := range number {
		number[i].hidden = true
	}
}

// mask writes the text anew with a star for each digit that is hidden. It is never
// longer than before.
func (s *screen) mask(body []byte) {
	out := make([]byte, 0, len(body))
	at := 0
	for _, d := range s.all {
		if d.hidden {
			out = append(out, body[at:d.start]...)
			out = append(out, '*')
			at = d.end
		}
	}
	s.result.Body = append(out, body[at:]...)
}
