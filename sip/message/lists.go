package message

import "strings"

// room reports whether a list of n entries may grow. One that may not is a
// fault: every entry costs many times the bytes that it is written in.
func (r *reader) room(n int) bool {
	if n < maxEntries {
		return true
	}
	if r.status == 0 {
		r.status = 513
	}
	r.flaw(whyEntries)
	return false
}

// addresses adds every entry of a list of identities. One that cannot be read is
// kept without a URI, so that a reader of identities sees that there was one
// more.
func (r *reader) addresses(list []Address, value string) []Address {
	e := entriesOf(value)
	for {
		entry, ok := e.next()
		if !ok && !e.bad || !r.room(len(list)) {
			return list
		}
		if e.bad {
			return append(list, Address{Text: value})
		}
		a, _ := readAddress(entry)
		list = append(list, a)
	}
}

// tags adds a list of option tags or of similar tokens in lower case. What is no
// token is left out, and told.
func (r *reader) tags(list []string, value, separators string) (_ []string, ok bool) {
	ok = true
	for value != "" {
		i := strings.IndexAny(value, separators)
		entry := value
		if i < 0 {
			value = ""
		} else {
			entry, value = value[:i], value[i+1:]
		}
		switch entry = trimBlanks(entry); {
		case entry == "":
		case !isToken(entry):
			ok = false
		case !r.room(len(list)):
			return list, ok
		default:
			list = append(list, lower(entry))
		}
	}
	return list, ok
}

// required adds the option tags of a Require. One that is no token cannot be
// told apart from one that is asked for, nor be written into Unsupported.
func (r *reader) required(list []string, value string) []string {
	list, ok := r.tags(list, value, ",")
	if !ok {
		r.fault(whyRequire)
	}
	return list
}

// routes adds the entries of a Route or Record-Route line as text. Each is a
// name-addr (section 20.30); one that is none would leave a proxy out of the way.
func (r *reader) routes(list []string, value string) []string {
	e := entriesOf(value)
	for {
		entry, ok := e.next()
		if !ok {
			break
		}
		if _, _, bracketed, ok := splitAddress(entry); !ok || !bracketed {
			r.fault(whyRoute)
			continue
		}
		if !r.room(len(list)) {
			return list
		}
		list = append(list, entry)
	}
	if e.bad {
		r.fault(whyRoute)
	}
	return list
}

// accept takes the media ranges of an Accept line.
func (r *reader) accept(value string) {
	if r.m.Accept == nil {
		r.m.Accept = []string{}
	}
	e := entriesOf(value)
	for {
		entry, ok := e.next()
		if !ok {
			return
		}
		if !r.room(len(r.m.Accept)) {
			return
		}
		media, _, _ := strings.Cut(entry, ";")
		if q, ok := parameter(entry[len(media):], "q"); ok && strings.Trim(q, "0.") == "" {
			continue // named to say that it is not accepted (section 20.1)
		}
		r.m.Accept = append(r.m.Accept, lower(trimBlanks(media)))
	}
}

// allow takes the methods of an Allow line. Methods are case-sensitive.
func (r *reader) allow(value string) {
	if r.m.Allow == nil {
		r.m.Allow = []string{}
	}
	for method := range strings.SplitSeq(value, ",") {
		switch method = trimBlanks(method); {
		case !isToken(method):
		case !r.room(len(r.m.Allow)):
			return
		default:
			r.m.Allow = append(r.m.Allow, method)
		}
	}
}
