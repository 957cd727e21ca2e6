package config

import (
	"errors"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Duration is a span of time, written as Go writes it: "60s", "1m30s", "2h". A bare number has no unit and is refused.
type Duration time.Duration

// String gives the shortest form: "1m0s" is "1m".
func (d Duration) String() string {
	t := time.Duration(d)
	switch {
	case t != 0 && t%time.Hour == 0:
		return itoa(int64(t/time.Hour)) + "h"
	case t != 0 && t%time.Minute == 0:
		return itoa(int64(t/time.Minute)) + "m"
	}
	return t.String()
}

// Set reads the form of the configuration file.
func (d *Duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("not a duration; write a number and a unit, such as 60s or 2m")
	}
	if v < 0 {
		return errors.New("a duration below zero; write a number and a unit, such as 60s or 2m")
	}
	*d = Duration(v)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (d *Duration) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, d.Set) }

// MarshalYAML writes the form that Set reads.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }
