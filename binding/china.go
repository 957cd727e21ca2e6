package binding

// checkChinese says whether d, a national number without its 0, is a
// subscriber's in China:
//
//	1[3-9] + 9 digits                 mobile
//	10, 2x + 8 digits                 landline of a large city
//	[3-9]xx + 7 or 8 digits           other landline
//
// A local number begins with 2 to 9.
func checkChinese(d []byte) error {
	switch {
	case len(d) == 0:
		return ErrMalformed
	case hasPrefix(d, "700"):
		return ErrIs700
	case isEmergency(d):
		return ErrEmergency
	case isService(d), isService(afterArea(d)):
		return ErrService
	case len(d) < minDigits:
		return ErrShort
	case hasPrefix(d, "400"), hasPrefix(d, "800"):
		return ErrTollFree
	case isMobile(d), isLandline(d):
		return nil
	case (len(d) == 7 || len(d) == 8) && isLocal(d):
		return ErrAreaCode
	default:
		return ErrMalformed
	}
}

func isMobile(d []byte) bool { return len(d) == 11 && d[0] == '1' && d[1] >= '3' }

func isLandline(d []byte) bool {
	// No area code begins with 86, so that a number with the country code
	// and digits missing is not taken for a landline.
	if !isLocal(afterArea(d)) || hasPrefix(d, "86") {
		return false
	}
	// The two-digit areas have eight-digit numbers only.
	return len(d) == 10 || len(d) == 11 && d[0] >= '3'
}

// isLocal reports whether a local number, without its area code, begins like
// one; 0 and 1 are prefixes.
func isLocal(d []byte) bool { return len(d) > 0 && d[0] >= '2' }

// afterArea returns what follows the area code, nil when there is nothing or
// no area code.
func afterArea(d []byte) []byte {
	if len(d) < 4 || d[0] == '0' || d[0] == '1' && d[1] != '0' {
		return nil
	}
	if d[0] <= '2' {
		return d[2:]
	}
	return d[3:]
}

// isService reports whether d is a nationwide service number: 95 or 96 and
// three to seven digits more. Area codes 95x have landlines behind them that
// are longer.
func isService(d []byte) bool {
	return len(d) >= 5 && len(d) <= 9 && (hasPrefix(d, "95") || hasPrefix(d, "96"))
}

// isEmergency reports whether d is an emergency number: police, fire,
// ambulance, traffic accidents, police by text, rescue at sea, and those that
// every handset knows (3GPP TS 22.101 section 10.1.1).
func isEmergency(d []byte) bool {
	switch string(d) {
	case "110", "112", "119", "120", "122", "911", "999", "12110", "12395":
		return true
	}
	return false
}
