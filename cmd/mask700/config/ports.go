package config

import (
	"errors"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// PortRange is a range of UDP ports for media, both ends included: "20000-39999". RTP takes the even port of
// a pair and RTCP the odd one after it, so the range begins with an even port and ends with an odd one.
type PortRange struct{ Min, Max uint16 }

var errPortRange = errors.New("write FIRST-LAST, such as 20000-39999: an even port from 1024 on, then an odd port of at most 65535")

// String gives the form that Set reads.
func (r PortRange) String() string {
	return strconv.Itoa(int(r.Min)) + "-" + strconv.Itoa(int(r.Max))
}

// Pairs is how many pairs of ports the range has; a call takes two.
func (r PortRange) Pairs() int { return (int(r.Max) - int(r.Min) + 1) / 2 }

// Set reads "FIRST-LAST".
func (r *PortRange) Set(s string) error {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return errPortRange
	}
	lo, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	if err != nil {
		return errPortRange
	}
	hi, err := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if err != nil || lo < 1024 || lo%2 != 0 || hi%2 != 1 {
		return errPortRange
	}
	if hi < lo+3 {
		return errors.New("the range is too small: one call takes four ports")
	}
	*r = PortRange{Min: uint16(lo), Max: uint16(hi)}
	return nil
}

// UnmarshalYAML reads the value of a key.
func (r *PortRange) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, r.Set) }

// MarshalYAML writes the form that Set reads.
func (r PortRange) MarshalYAML() (any, error) { return r.String(), nil }
