package config

import (
	"errors"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

const nameRule = "a name begins with a letter and goes on with at most 63 letters, digits, dots, dashes and underscores, " +
	"never more than six digits in a row"

var (
	namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
	manyDigits  = regexp.MustCompile(`[0-9]{7}`)
	labelRule   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
)

// goodName reports whether s may name a trunk, listener, pool or token. Names go into logs and records, so none
// can be a telephone number.
func goodName(s string) bool { return namePattern.MatchString(s) && !manyDigits.MatchString(s) }

// checkHost accepts an IP address that can be reached, a host name, or nothing.
func checkHost(s string) error {
	if s == "" {
		return nil
	}
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		if addr.IsUnspecified() || addr.Zone() != "" {
			return errors.New("an address that others can reach is needed here, or nothing")
		}
		return nil
	}
	letter := false
	for _, label := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if !labelRule.MatchString(label) {
			return errors.New("not a host name or IP address; write one such as sip.example.com or 192.0.2.1")
		}
		letter = strings.Trim(label, "0123456789") != ""
	}
	if len(s) > 253 || !letter {
		return errors.New("not a host name or IP address; write one such as sip.example.com or 192.0.2.1")
	}
	return nil
}

// checkHostPort is checkHost with a port allowed after the host.
func checkHostPort(s string) error {
	if _, err := netip.ParseAddr(s); err == nil {
		return checkHost(s)
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		port, err := strconv.ParseUint(s[i+1:], 10, 16)
		if err != nil || port == 0 || i == 0 {
			return errors.New("write HOST or HOST:PORT, such as sip.example.com or 192.0.2.1:5060")
		}
		s = s[:i]
	}
	return checkHost(s)
}
