package config

import (
	"errors"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Date is a calendar day, "2026-03-31"; the zero value is no day.
type Date struct{ time.Time }

// String is empty for no day.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

// Set reads YYYY-MM-DD.
func (d *Date) Set(s string) error {
	if s == "" {
		*d = Date{}
		return nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return errors.New("not a day; write YYYY-MM-DD, such as 2026-03-31")
	}
	*d = Date{t}
	return nil
}

// UnmarshalYAML reads the value of a key.
func (d *Date) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, d.Set) }

// MarshalYAML writes the form that Set reads.
func (d Date) MarshalYAML() (any, error) { return d.String(), nil }
