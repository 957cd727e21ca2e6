package trunk

import (
	"strings"

	"mask700/binding"
)

// CalleeURI reveals a subscriber: it writes the URI that the trunk reaches the
// number by at host, which is "host" or "host:port" and goes in as it is. It is
// "" for the zero Number.
func (t *Trunk) CalleeURI(p binding.Plan, n binding.Number, host string) string {
	text := p.Format(n, t.Numbers)
	if text == "" {
		return ""
	}
	if t.Prefix != "" && strings.HasPrefix(text, "+") {
		// A foreign number in a form that has no plus but for those. Digits stand
		// behind digits only.
		text = p.Format(n, binding.International)
	}
	return t.uri(p, t.Prefix+text, host)
}

// ShownURI writes the URI of a 700 number at host. It is always the national
// form: with its country code a 700 number is longer than E.164 allows. So is that of
// a number of an older range: who sees it dials it as it stands. It is "" for the zero X.
func (t *Trunk) ShownURI(p binding.Plan, x binding.X, host string) string {
	if x == 0 {
		return ""
	}
	return t.uri(p, p.National(x), host)
}

// uri writes a number as a sip: URI, by RFC 3261 section 19.1.6 with the
// parameters of a telephone number where the trunk wants them. A global number
// has no context (RFC 3966 section 5.1.4).
func (t *Trunk) uri(p binding.Plan, number, host string) string {
	switch {
	case !t.UserPhone:
		return "sip:" + number + "@" + host
	case strings.HasPrefix(number, "+"):
		return "sip:" + number + "@" + host + ";user=phone"
	default:
		return "sip:" + number + ";phone-context=+" + countryCode(p) + "@" + host + ";user=phone"
	}
}

func countryCode(p binding.Plan) string {
	if p.CountryCode == "" {
		return "86"
	}
	return p.CountryCode
}
