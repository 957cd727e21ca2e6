package binding

// readPlain reads a request as programs write it: one object of fields that are
// known, each once, its texts in ASCII without escapes. What it takes is what the
// JSON decoder makes of it, in a fifth of the time, which counts where millions
// are imported. False: the decoder is to read it, or to say what is wrong.
func readPlain(b []byte, w *requestJSON) bool {
	p := plainJSON{b: b}
	if !p.is('{') {
		return false
	}
	var seen uint32
	for first := true; ; first = false {
		switch {
		case p.is('}'):
			return p.atEnd()
		case !first && !p.is(','):
			return false
		}
		key, ok := p.text()
		if !ok || !p.is(':') {
			return false
		}
		field, flag, n := w.field(string(key))
		if n < 0 || seen&(1<<n) != 0 {
			return false
		}
		seen |= 1 << n
		switch {
		case field != nil:
			value, good := p.text()
			*field, ok = string(value), good
		case flag != nil:
			*flag, ok = p.flag()
		default:
			w.Group, ok = p.texts()
		}
		if !ok {
			return false
		}
	}
}

// field is where the value of a key goes, and its number among the fields; neither
// of the first two for that of the group. A number below 0: there is no such key.
func (w *requestJSON) field(key string) (text *string, flag *bool, n int) {
	switch key {
	case "mode":
		return &w.Mode, nil, 0
	case "a":
		return &w.A, nil, 1
	case "b":
		return &w.B, nil, 2
	case "x":
		return &w.X, nil, 3
	case "y":
		return &w.Y, nil, 4
	case "group":
		return nil, nil, 5
	case "extension":
		return &w.Extension, nil, 6
	case "ttl":
		return &w.TTL, nil, 7
	case "expires":
		return &w.Expires, nil, 8
	case "sliding":
		return &w.Sliding, nil, 9
	case "order":
		return &w.Order, nil, 10
	case "consent":
		return &w.Consent, nil, 11
	case "industrial_id":
		return &w.IndustrialID, nil, 12
	case "tenant":
		return &w.Tenant, nil, 13
	case "max_duration":
		return &w.MaxDuration, nil, 14
	case "one_way":
		return &w.OneWay, nil, 15
	case "back":
		return &w.Back, nil, 16
	case "record":
		return nil, &w.Record, 17
	case "texts":
		return &w.Texts, nil, 18
	case "data":
		return &w.Data, nil, 19
	case "reuse":
		return nil, &w.Reuse, 20
	case "idempotency_key":
		return &w.IdempotencyKey, nil, 21
	}
	return nil, nil, -1
}

// plainJSON is what is left of a text.
type plainJSON struct{ b []byte }

func (p *plainJSON) space() {
	for len(p.b) > 0 && (p.b[0] == ' ' || p.b[0] == '\t' || p.b[0] == '\n' || p.b[0] == '\r') {
		p.b = p.b[1:]
	}
}

// is takes a character behind blanks, if it is the next.
func (p *plainJSON) is(c byte) bool {
	p.space()
	if len(p.b) == 0 || p.b[0] != c {
		return false
	}
	p.b = p.b[1:]
	return true
}

func (p *plainJSON) atEnd() bool {
	p.space()
	return len(p.b) == 0
}

// text takes a text in quotes.
func (p *plainJSON) text() ([]byte, bool) {
	if !p.is('"') {
		return nil, false
	}
	for i, c := range p.b {
		switch {
		case c == '"':
			text := p.b[:i]
			p.b = p.b[i+1:]
			return text, true
		case c == '\\' || c < ' ' || c >= 0x80:
			return nil, false
		}
	}
	return nil, false
}

func (p *plainJSON) texts() ([]string, bool) {
	if !p.is('[') {
		return nil, false
	}
	all := []string{} // an empty list is one, for the decoder too
	for first := true; ; first = false {
		switch {
		case p.is(']'):
			return all, true
		case !first && !p.is(','):
			return nil, false
		}
		text, ok := p.text()
		if !ok {
			return nil, false
		}
		all = append(all, string(text))
	}
}

func (p *plainJSON) flag() (value, ok bool) {
	p.space()
	for _, word := range []string{"false", "true"} {
		if len(p.b) >= len(word) && string(p.b[:len(word)]) == word {
			p.b = p.b[len(word):]
			return word == "true", true
		}
	}
	return false, false
}
