package trunk

import (
	"mask700/binding"
	"mask700/sip/message"
)

// ReadDialled reads the 700 number called and the extension behind it, from the
// user of the Request-URI and from nothing else. Its errors are those of
// [binding.Plan.ParseDialled]. With the
// phone-context of another country or of an area it is no 700 number, whatever
// it looks like without.
func ReadDialled(p binding.Plan, target message.URI) (binding.X, string, error) {
	switch target.Scheme {
	case "sip", "sips", "tel":
	default:
		return 0, "", binding.ErrNot700
	}
	text, ok := dialString(target)
	if !ok {
		return 0, "", binding.ErrNot700
	}
	return p.ParseDialled(text)
}
