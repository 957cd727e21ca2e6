package binding

import (
	"errors"
	"strconv"
	"time"
)

// LegacyRange is an older range of intermediate numbers that runs beside 700
// for a time. Blocks of it can be held, and its numbers bound, until its last
// moment; after it a call to one of them is answered as to a number that is not
// held, whatever is bound there.
type LegacyRange struct {
	Prefix string    // first digits in national form, without 0: "17000"
	Length int       // digits of the whole national number: 11
	Until  time.Time // last moment it is served; zero: not set
}

// digitsOfSerial is how many digits of a number its block does not have.
const digitsOfSerial = 4

// End is the first moment at which the range is not served any more; zero: not set.
func (r *LegacyRange) End() time.Time {
	if r.Until.IsZero() {
		return time.Time{}
	}
	return r.Until.Add(time.Nanosecond)
}

// has reports whether a national number is in the range.
func (r *LegacyRange) has(national []byte) bool {
	return len(national) == r.Length && hasPrefix(national, r.Prefix)
}

// Has reports whether numbers of a block are in the range: all of them, or where the
// range is narrower than a block, those that begin with its prefix.
func (r *LegacyRange) Has(b Block) bool {
	digits := b.String()
	n := min(len(digits), len(r.Prefix))
	return b.Older() && len(digits)+digitsOfSerial == r.Length && digits[:n] == r.Prefix[:n]
}

// narrow reports whether the range has a part of a block.
func (r *LegacyRange) narrow() bool { return len(r.Prefix) > r.Length-digitsOfSerial }

// parts is what the numbers of a block begin with that an older range has a part of; nil:
// all are.
func (p *Plan) parts(b Block) (all []string) {
	for i := range p.Legacy {
		if r := &p.Legacy[i]; r.narrow() && r.Has(b) {
			all = append(all, r.Prefix)
		}
	}
	return all
}

// neighbours reports whether two narrow ranges have numbers of one block.
func (r *LegacyRange) neighbours(other *LegacyRange) bool {
	return r.narrow() && other.narrow() && r.Length == other.Length && r.Length > digitsOfSerial &&
		r.Prefix[:r.Length-digitsOfSerial] == other.Prefix[:r.Length-digitsOfSerial]
}

// meets reports whether the two ranges have numbers in common.
func (r *LegacyRange) meets(other *LegacyRange) bool {
	n := min(len(r.Prefix), len(other.Prefix))
	return r.Length == other.Length && r.Prefix[:n] == other.Prefix[:n]
}

// checkLegacy reports what is wrong with the older ranges.
func (p *Plan) checkLegacy() error {
	for i := range p.Legacy {
		r := &p.Legacy[i]
		if _, ok := decimal([]byte(r.Prefix)); !ok || r.Prefix[0] == '0' {
			return errors.New("legacy_ranges: prefix is not digits of a national number without its 0")
		}
		if r.Length < len(r.Prefix) || r.Length > maxDigits-len(p.code()) {
			return errors.New("legacy_ranges: length is shorter than the prefix or longer than a national number")
		}
		if n := min(len(r.Prefix), len("700")); r.Prefix[:n] == "700"[:n] {
			return errors.New("legacy_ranges: the prefix is that of 700 numbers, or has it in it; those are no older range")
		}
		for j := range i {
			if r.meets(&p.Legacy[j]) {
				return errors.New("legacy_ranges: two ranges have numbers in common; leave one out, or write a longer prefix")
			}
			if r.neighbours(&p.Legacy[j]) && !r.Until.Equal(p.Legacy[j].Until) {
				return errors.New("legacy_ranges: two ranges of one block of 10000 numbers end on different days; give them one day")
			}
		}
	}
	return nil
}

// legacy returns the older range that a national number is in, nil when there is
// none.
func (p *Plan) legacy(national []byte) *LegacyRange {
	for i := range p.Legacy {
		if r := &p.Legacy[i]; r.has(national) {
			return r
		}
	}
	return nil
}

// older returns the number of an older range that was written. Its length is part
// of it: one digit more or less is another number.
func (p *Plan) older(w *written) (X, bool) {
	if len(p.Legacy) == 0 {
		return 0, false
	}
	d, code := w.digits(), p.code()
	rest, international := w.international()
	switch {
	case international && !hasPrefix(rest, code):
		return 0, false
	case international:
		d = trimZero(rest[len(code):])
	case p.legacy(trimZero(d)) == nil && hasPrefix(d, code):
		d = trimZero(d[len(code):])
	default:
		d = trimZero(d)
	}
	if p.legacy(d) == nil {
		return 0, false
	}
	v, _ := decimal(d)
	return X(v), X(v).Older()
}

// Served is [Plan.Served], as an engine is told it. Nil: every block is, for good.
type Served func(Block) (until time.Time, ok bool)

// Until is when the numbers of a block are not served any more, the zero time being
// never. Of one that is not served at all it is the beginning of time.
func (s Served) Until(b Block) time.Time {
	if s == nil {
		return time.Time{}
	}
	until, ok := s(b)
	if !ok {
		return time.Unix(0, 0).UTC()
	}
	return until
}

// Ends is when the first of the numbers of b ceases to be served, the zero time being
// never.
func (s Served) Ends(b *Binding) (end time.Time) {
	for _, x := range [...]X{b.X, b.Y} {
		if !x.Older() {
			continue
		}
		if until := s.Until(x.Block()); end.IsZero() || !until.IsZero() && until.Before(end) {
			end = until
		}
	}
	return end
}

// Change is change, for [Revise], where b must not come to outlive its numbers.
func (s Served) Change(change func(*Binding) error) func(*Binding) error {
	return func(b *Binding) error {
		before := b.ExpiresAt
		if err := change(b); err != nil || !b.EndedAt.IsZero() || b.ExpiresAt.Equal(before) {
			return err
		}
		if sooner := !b.ExpiresAt.IsZero() && b.ExpiresAt.Before(before); sooner {
			return nil // also where the range was shortened since, and it is not soon enough
		}
		return b.EndBy(s.Ends(b))
	}
}

// Served reports whether numbers of a block may be bound and answered, and until
// when; the zero time: for good. A block of an older range is not where there is
// no such range. Of one that has a part of the block only those are that Numbers has.
func (p Plan) Served(b Block) (until time.Time, ok bool) {
	if !b.Older() {
		return time.Time{}, b.Valid()
	}
	for i := range p.Legacy {
		if r := &p.Legacy[i]; r.Has(b) {
			return r.End(), true
		}
	}
	return time.Time{}, false
}

// Numbers reports whether a number is one of those that its block has here: where older
// ranges have a part of a block the others are somebody else's. Of a block that none has
// it says nothing; see Served.
func (p Plan) Numbers(x X) bool {
	if !x.Older() {
		return x.Valid()
	}
	var buf [20]byte
	return p.legacy(strconv.AppendUint(buf[:0], uint64(x), 10)) != nil || len(p.parts(x.Block())) == 0
}

// InService reports whether calls to a number are answered at a moment, where its
// block is held: 700 numbers are always, one of an older range until its last moment.
func (p Plan) InService(x X, at time.Time) bool {
	if !x.Older() {
		return x.Valid()
	}
	until, ok := p.Served(x.Block())
	return ok && (until.IsZero() || at.Before(until)) && p.Numbers(x)
}

// National writes a number as it is dialled in its country: of an older range that
// looks like a landline of China with the 0 in front.
func (p Plan) National(x X) string {
	text := x.String()
	if !p.china() && text[:min(len(text), 1)] == "0" {
		return text[1:]
	}
	return text
}

// EndBy has b end by the moment at which its numbers cease to be served, the zero
// time being none. One that never expires, or whose expiry slides, is cut; a fixed
// expiry that is later is what somebody relies on, and refused with a *RangeError.
func (b *Binding) EndBy(end time.Time) error {
	switch {
	case end.IsZero(), !b.ExpiresAt.IsZero() && !b.ExpiresAt.After(end):
		return nil
	case b.ExpiresAt.IsZero(), b.Sliding > 0:
		b.ExpiresAt = end.UTC()
		return nil
	}
	return &RangeError{End: end}
}

// RangeError says that a binding would outlive the older range of its number. It
// is an ErrRangeEnds.
type RangeError struct {
	End time.Time // when the range is not served any more
}

func (e *RangeError) Error() string {
	return "later than " + e.End.Format(time.RFC3339) + ", when the older range of its number ends; " +
		"give an earlier expiry, or none to end with the range"
}

func (e *RangeError) Unwrap() error { return ErrRangeEnds }
