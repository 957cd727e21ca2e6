package binding

import (
	"errors"
	"time"
)

// chinaCode is the country code whose national grammar is known here.
const chinaCode = "86"

// Plan is the numbering plan in which written numbers are read. The zero
// value is China's with no older ranges. A Plan is not changed while it is
// in use.
type Plan struct {
	// CountryCode is the code of the country whose national forms are read,
	// 1 to 3 digits; "" means "86". Only 86 has its national grammar checked
	// (areas, mobiles, services); with any other code a national number is
	// any run of digits that fits E.164.
	CountryCode string
	// Legacy are older intermediate ranges. Their numbers are no
	// subscriber's and are refused as parties.
	Legacy []LegacyRange
	// Strangers allows the modes that connect anyone who dials, ax and axe. On
	// 700 numbers they are not allowed unless an operator says so; without it
	// no such binding is made, and none that there is carries a call.
	Strangers bool
	// CallBack is how long ago who called last may have called to be reached by
	// [BackLast]; 0 means DefaultCallBack.
	CallBack time.Duration
}

// LegacyRange is an older range of intermediate numbers that runs beside 700
// for a time.
type LegacyRange struct {
	Prefix string    // first digits in national form, without 0: "17000"
	Length int       // digits of the whole national number: 11
	Until  time.Time // last moment it is served; zero: not set
}

// Validate reports what is wrong with the plan, naming the setting.
func (p Plan) Validate() error {
	if cc := p.CountryCode; cc != "" {
		if _, ok := decimal([]byte(cc)); !ok || len(cc) > 3 || cc[0] == '0' || cc == "700" {
			return errors.New("country_code: not a country code; write one to three digits, the first not 0")
		}
	}
	for _, r := range p.Legacy {
		if _, ok := decimal([]byte(r.Prefix)); !ok || r.Prefix[0] == '0' {
			return errors.New("legacy_ranges: prefix is not digits of a national number without its 0")
		}
		if r.Length < len(r.Prefix) || r.Length > maxDigits-len(p.code()) {
			return errors.New("legacy_ranges: length is shorter than the prefix or longer than a national number")
		}
	}
	return nil
}

func (p *Plan) code() string {
	if p.CountryCode == "" {
		return chinaCode
	}
	return p.CountryCode
}

// china reports whether the national grammar is known.
func (p *Plan) china() bool { return p.code() == chinaCode }

// legacy reports whether a national number is in an older range.
func (p *Plan) legacy(national []byte) bool {
	for i := range p.Legacy {
		r := &p.Legacy[i]
		if len(national) == r.Length && hasPrefix(national, r.Prefix) {
			return true
		}
	}
	return false
}
