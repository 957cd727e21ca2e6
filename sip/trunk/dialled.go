package trunk

import (
	"strings"

	"mask700/binding"
	"mask700/sip/message"
)

// ReadDialled reads the 700 number called, from the user of the Request-URI and
// from nothing else. Its errors are those of [binding.Plan.ParseX].
func ReadDialled(p binding.Plan, target message.URI) (binding.X, error) {
	switch target.Scheme {
	case "sip", "sips", "tel":
	default:
		return 0, binding.ErrNot700
	}
	context, ok := phoneContext(target)
	if !ok {
		return 0, binding.ErrNot700
	}
	if strings.HasPrefix(context, "+") && !strings.HasPrefix(target.User, "+") && !sameCountry(p, context) {
		// A number of another country or of one area only, whatever it looks
		// like without its context.
		return 0, binding.ErrNot700
	}
	return p.ParseX(target.User)
}

// sameCountry reports whether a global phone-context is the plan's country.
func sameCountry(p binding.Plan, context string) bool {
	code := countryCode(p)
	i := 0
	for _, c := range []byte(context[1:]) {
		if strings.IndexByte("-.()", c) >= 0 {
			continue
		}
		if i == len(code) || c != code[i] {
			return false
		}
		i++
	}
	return i == len(code)
}

func countryCode(p binding.Plan) string {
	if p.CountryCode == "" {
		return "86"
	}
	return p.CountryCode
}
