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
	// Legacy are older intermediate ranges, none of which has a number of another.
	// Their numbers are no subscriber's and are refused as parties; see LegacyRange.
	Legacy []LegacyRange
	// Strangers allows the modes that connect anyone who dials, ax and axe. On
	// 700 numbers they are not allowed unless an operator says so; without it
	// no such binding is made, and none that there is carries a call.
	Strangers bool
	// CallBack is how long ago who called last may have called to be reached by
	// [BackLast]; 0 means DefaultCallBack.
	CallBack time.Duration
}

// Validate reports what is wrong with the plan, naming the setting.
func (p Plan) Validate() error {
	if cc := p.CountryCode; cc != "" {
		if _, ok := decimal([]byte(cc)); !ok || len(cc) > 3 || cc[0] == '0' || cc == "700" {
			return errors.New("country_code: not a country code; write one to three digits, the first not 0")
		}
	}
	return p.checkLegacy()
}

func (p *Plan) code() string {
	if p.CountryCode == "" {
		return chinaCode
	}
	return p.CountryCode
}

// china reports whether the national grammar is known.
func (p *Plan) china() bool { return p.code() == chinaCode }
