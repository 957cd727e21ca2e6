package message

import "math"

// ContactList is every Contact verbatim, in order.
func (m *Message) ContactList() []string {
	if m.Contacts == 0 {
		return nil
	}
	return append([]string{m.ContactText}, m.OtherContacts...)
}

// ReadContact reads the URI of one Contact and its expires parameter, in seconds;
// -1: it has none that can be read (RFC 3261 section 20.10).
func ReadContact(text string) (u URI, expires int, ok bool) {
	uri, rest, _, ok := splitAddress(text)
	if !ok {
		return URI{}, -1, false
	}
	u, err := ParseURI(uri)
	if err != nil {
		return URI{}, -1, false
	}
	expires = -1
	p := params{rest: rest}
	for {
		name, value, ok := p.next()
		if !ok {
			return u, expires, !p.bad
		}
		if n, ok := digits(value, math.MaxInt32); ok && equalFold(name, "expires") {
			expires = n
		}
	}
}
