package trunk

import (
	"strings"

	"mask700/binding"
	"mask700/sip/message"
)

// defaultCaller is where the caller is read when a trunk does not say.
var defaultCaller = [...]CallerField{PAI, RPID, From}

// ReadCaller finds who is calling: in the first of the trunk's headers that is
// there and holds a number. False: nobody that can be known, a stranger.
//
// A header may repeat itself, as a sip: and as a tel: URI (RFC 3325 section 9.1);
// all of its numbers must be one, else nobody is believed, and no other header is
// asked. Names that are no numbers are passed over. Privacy is not looked at:
// what it asks for is what this program does anyway.
func (t *Trunk) ReadCaller(p binding.Plan, m *message.Message) (binding.Number, bool) {
	fields := t.Caller
	if fields == nil {
		fields = defaultCaller[:]
	}
	for _, field := range fields {
		var n binding.Number
		var kind reading
		switch field {
		case PAI:
			n, kind = readAll(p, m.Asserted)
		case RPID:
			n, kind = readAll(p, calling(m.RemoteParty))
		case From:
			n, kind = read(p, m.From.URI)
		}
		switch kind {
		case number:
			return n, true
		case torn:
			return binding.Number{}, false
		}
	}
	return binding.Number{}, false
}

// reading is what an identity turned out to be.
type reading uint8

const (
	name   reading = iota // nothing, or what is not meant as a number
	number                // a subscriber's number
	broken                // meant as a number, but not one that can be read
	torn                  // several that are not one
)

// calling leaves out the Remote-Party-IDs that do not speak of the caller.
func calling(list []message.Address) []message.Address {
	for i := range list {
		if other(list[i]) {
			kept := list[:i:i]
			for _, a := range list[i+1:] {
				if !other(a) {
					kept = append(kept, a)
				}
			}
			return kept
		}
	}
	return list
}

func other(a message.Address) bool { return a.Party != "" && a.Party != "calling" }

// readAll reads all entries of one header.
func readAll(p binding.Plan, list []message.Address) (binding.Number, reading) {
	var found binding.Number
	kind := name
	for i := range list {
		n, k := read(p, list[i].URI)
		switch {
		case k == name:
		case kind == name:
			found, kind = n, k
		case n != found:
			return binding.Number{}, torn
		}
	}
	return found, kind
}

// read reads the number of one URI.
func read(p binding.Plan, u message.URI) (binding.Number, reading) {
	switch u.Scheme {
	case "":
		return binding.Number{}, broken
	case "sip", "sips":
		if strings.EqualFold(u.Host, "anonymous.invalid") || !looksDialled(u.User) {
			return binding.Number{}, name
		}
	case "tel":
	default:
		return binding.Number{}, name
	}
	text, ok := dialString(u)
	if !ok {
		return binding.Number{}, broken
	}
	n, err := p.ParseNumber(text)
	if err != nil {
		return binding.Number{}, broken
	}
	return n, number
}

// looksDialled reports whether a user part begins like a number, so that it is
// one or a broken one, but no name.
func looksDialled(user string) bool {
	user = strings.TrimLeft(user, "+-.() ")
	return user != "" && user[0] >= '0' && user[0] <= '9'
}

// dialString is the number of a URI with its phone-context, in the form that the
// plan reads. All other parameters say nothing of who it is: rn and npdi say how
// to route (RFC 4694), isub and ext what lies behind the number, postd what to
// dial after it. It is false where the user holds what could pass for more than
// a number, or two contexts.
func dialString(u message.URI) (string, bool) {
	if strings.ContainsAny(u.User, ";:@") {
		return "", false
	}
	context, ok := phoneContext(u)
	if !ok || context == "" {
		return u.User, ok
	}
	return u.User + ";phone-context=" + context, true
}

// phoneContext finds the one phone-context of a URI. It belongs into the user
// part (RFC 3261 section 19.1.6); some peers write it behind the host.
func phoneContext(u message.URI) (string, bool) {
	context := ""
	for _, list := range [...][]message.Param{u.UserParams, u.Params} {
		for _, p := range list {
			if p.Name != "phone-context" {
				continue
			}
			if p.Value == "" || strings.Contains(p.Value, ";") || context != "" && context != p.Value {
				return "", false
			}
			context = p.Value
		}
	}
	return context, true
}
