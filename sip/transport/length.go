package transport

import "bytes"

// contentLength reads the Content-Length of a complete header, start line
// first, blank line last: 0 if there is none. It is not ok if there are two, if
// it is not a number, or if a reader who ends lines at a lone CR or LF would
// read another one (RFC 3261 section 20.14).
func contentLength(header []byte) (length int, ok bool) {
	_, clean, rest := cutLine(header)
	var line []byte
	seen := false
	for len(rest) > 0 {
		before := clean
		line, clean, rest = cutLine(rest)
		value, is := lengthField(line)
		if !is {
			continue
		}
		if seen || !before || !clean {
			return 0, false
		}
		seen = true
		var d decimal
		d.feed(value)
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			line, clean, rest = cutLine(rest)
			if !clean {
				return 0, false
			}
			d.feed(line)
		}
		if length, ok = d.value(); !ok {
			return 0, false
		}
	}
	return length, true
}

// cutLine takes one line off, ended by whatever anyone may take for a line's
// end; clean says that it was CRLF.
func cutLine(b []byte) (line []byte, clean bool, rest []byte) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		end = len(b)
	}
	if cr := bytes.IndexByte(b[:end], '\r'); cr >= 0 {
		if cr+1 == end && end < len(b) {
			return b[:cr], true, b[end+1:]
		}
		return b[:cr], false, b[cr+1:]
	}
	return b[:end], false, b[min(end+1, len(b)):]
}

// lengthField gives the value of a line that is a Content-Length, or l in the
// compact form, in any case, with blanks before the colon as HCOLON allows.
func lengthField(line []byte) (value []byte, ok bool) {
	if len(line) == 0 || (line[0]|0x20 != 'c' && line[0]|0x20 != 'l') {
		return nil, false
	}
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		return nil, false
	}
	name = bytes.TrimRight(name, " \t")
	return value, bytes.EqualFold(name, []byte("content-length")) || bytes.EqualFold(name, []byte{'l'})
}

// decimal reads 1*DIGIT between blanks, in pieces as a folded value comes.
type decimal struct {
	n     int
	state uint8 // 0 before the digits, 1 in them, 2 behind them
	bad   bool
}

func (d *decimal) feed(b []byte) {
	for _, c := range b {
		blank, digit := c == ' ' || c == '\t', c >= '0' && c <= '9'
		switch {
		case digit && d.state < 2:
			d.state = 1
			// Beyond any message's length; no need to know how far.
			d.n = min(d.n*10+int(c-'0'), 1<<24)
		case blank && d.state == 1:
			d.state = 2
		case !blank:
			d.bad = true
		}
	}
	if d.state == 1 {
		d.state = 2 // a fold is a blank
	}
}

func (d *decimal) value() (int, bool) { return d.n, d.state == 2 && !d.bad }
