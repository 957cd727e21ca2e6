package binding

import "strings"

// ParseNumber reads a subscriber number in any form that handsets, trunks
// and people write:
//
//	13800138000       +86138…  86138…  0086138…  0138…     mobile
//	01059658005       1059658005  +861059658005  +86 (0)10 5965-8005
//	+4930123456       004930123456                          abroad
//
// The separators - . ( ) and space may stand anywhere. The number may be
// the user of a sip: URI or the whole of a tel: URI, with parameters such as
// ;npdi;rn=…, which say nothing of who it is, and ;phone-context=+…, which
// does (RFC 3966 section 5.1.5). Digits of other scripts are no digits.
//
// An error is one of ErrMalformed, ErrAreaCode, ErrShort, ErrEmergency,
// ErrService, ErrTollFree, ErrIs700 and ErrLegacy, and holds nothing of s.
func (p Plan) ParseNumber(s string) (Number, error) {
	var w written
	if !w.readURI(s, p.code()) {
		return Number{}, ErrMalformed
	}
	v, err := p.canonical(&w)
	if err != nil {
		return Number{}, err
	}
	return newNumber(v), nil
}

// ParseX reads a 700 number as handsets and trunks send it: 700…, +86700…,
// 86700…, 0086700… and 0700…, with separators as in ParseNumber; and one of an
// older range in the same forms, also when its last day is over. It returns
// ErrNot700 for anything else, ErrIncomplete for a 700 number that is not
// complete, and ErrTooLong (an ErrMalformed) for one with more after it.
func (p Plan) ParseX(s string) (X, error) {
	var w written
	whole := w.readURI(s, p.code())
	national, ok := p.protected(&w)
	switch {
	case !ok:
		if x, ok := p.older(&w); ok && whole {
			return x, nil
		}
		return 0, ErrNot700
	case !whole, len(national) > digitsOfX:
		return 0, ErrTooLong
	case len(national) < digitsOfX:
		return 0, ErrIncomplete
	}
	v, _ := decimal(national)
	return X(v), nil
}

// ParseDialled reads what was dialled: a 700 number in the forms of ParseX,
// and the digits behind it, which choose an extension. They follow the number
// at once, or after a comma or a letter p or w as handsets write a pause; behind
// a number of an older range after a pause only, since that has a length of its
// own. Its
// errors are those of ParseX; ErrTooLong is for what is no extension.
func (p Plan) ParseDialled(s string) (X, string, error) {
	number, digits, paused := cutPause(s)
	var w written
	whole := w.readURI(number, p.code())
	national, ok := p.protected(&w)
	switch {
	case !ok:
		x, ok := p.older(&w)
		switch {
		case !ok || !whole:
			return 0, "", ErrNot700
		case paused && !isExtension([]byte(digits)):
			return 0, "", ErrTooLong
		}
		return x, digits, nil
	case !whole, paused && len(national) > digitsOfX:
		return 0, "", ErrTooLong
	case len(national) < digitsOfX:
		return 0, "", ErrIncomplete
	}
	v, _ := decimal(national[:digitsOfX])
	extension := national[digitsOfX:]
	if paused {
		extension = []byte(digits)
	}
	if len(extension) > 0 || paused {
		if !isExtension(extension) {
			return 0, "", ErrTooLong
		}
	}
	return X(v), string(extension), nil
}

// cutPause takes the digits after a pause out of the number of a text, and
// leaves what else belongs to it.
func cutPause(s string) (number, digits string, paused bool) {
	if len(s) > maxText {
		return s, "", false
	}
	begin := 0
	for _, scheme := range []string{"tel:", "sip:", "sips:"} {
		if hasScheme(s, scheme) {
			begin = len(scheme)
		}
	}
	end := len(s)
	if i := strings.IndexAny(s[begin:], ";:@"); i >= 0 {
		end = begin + i
	}
	i := strings.IndexAny(s[begin:end], ",pPwW")
	if i < 0 {
		return s, "", false
	}
	return s[:begin+i] + s[end:], s[begin+i+1 : end], true
}

// protected returns what follows the country code and the 0 of a 700 number,
// and whether it is one, complete or not.
func (p *Plan) protected(w *written) ([]byte, bool) {
	d, code := w.digits(), p.code()
	rest, international := w.international()
	switch {
	case international && !hasPrefix(rest, code):
		return nil, false
	case international:
		d = rest[len(code):]
	case hasPrefix(d, code) && hasPrefix(trimZero(d[len(code):]), "700"):
		d = d[len(code):]
	}
	d = trimZero(d)
	return d, hasPrefix(d, "700")
}

// canonical returns the canonical digits as a number.
func (p *Plan) canonical(w *written) (uint64, error) {
	d := w.digits()
	if len(d) == 0 {
		return 0, ErrMalformed
	}
	if national, ok := p.protected(w); ok && (p.china() || len(national) == digitsOfX) {
		return 0, ErrIs700
	}
	code := p.code()
	if rest, international := w.international(); international {
		if hasPrefix(rest, code) {
			return p.national(trimZero(rest[len(code):]))
		}
		return foreign(rest)
	}
	if d[0] == '0' {
		return p.national(d[1:])
	}
	if hasPrefix(d, code) {
		// No Chinese area code begins with 86, so that at most one of the
		// two readings is a number.
		v, err := p.national(trimZero(d[len(code):]))
		if err == nil || !p.china() || err != ErrMalformed && err != ErrAreaCode && err != ErrShort {
			return v, err
		}
	}
	return p.national(d)
}

// foreign reads the digits after + or 00 of another country.
func foreign(d []byte) (uint64, error) {
	switch {
	case len(d) == digitsOfX && hasPrefix(d, "700"):
		// A 700 number behind a prefix that does not belong there. It is no
		// one's abroad: numbers of +7 have eleven digits.
		return 0, ErrIs700
	case isEmergency(d):
		return 0, ErrEmergency
	case len(d) == 0, d[0] == '0', len(d) > maxDigits:
		return 0, ErrMalformed
	case len(d) < minDigits:
		return 0, ErrShort
	}
	v, _ := decimal(d)
	if v/erasedUnits == erasedCode {
		return 0, ErrMalformed // no country has this code; see erasedCode
	}
	return v, nil
}

// national reads a national number without its 0.
func (p *Plan) national(d []byte) (uint64, error) {
	var err error
	if p.china() {
		err = checkChinese(d)
	} else {
		err = checkGeneric(d, p.code())
	}
	if err != nil {
		return 0, err
	}
	if p.legacy(d) != nil {
		return 0, ErrLegacy
	}
	v, _ := decimal([]byte(p.code()))
	for _, c := range d {
		v = v*10 + uint64(c-'0')
	}
	return v, nil
}

// checkGeneric is the check of a country whose plan is not known.
func checkGeneric(d []byte, code string) error {
	switch {
	case isEmergency(d):
		return ErrEmergency
	case len(d) == 0, d[0] == '0', len(code)+len(d) > maxDigits:
		return ErrMalformed
	case len(code)+len(d) < minDigits:
		return ErrShort
	}
	return nil
}
