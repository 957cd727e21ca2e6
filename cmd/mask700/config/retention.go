package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/store"
)

// Retention is how long what is over is kept. 0d: for ever.
type Retention struct {
	Bindings Days `yaml:"bindings"` // after a binding was over: so long it can be told who held a number
	Records  Days `yaml:"records"`  // after a call ended
	Audit    Days `yaml:"audit"`    // after an entry of the audit log was written

	RowsPerSecond int `yaml:"rows_per_second"` // deleted by the daily sweep; 0: as many as there are
}

// Days is a span of time in whole days, "183d", or in the form of a Duration.
type Days time.Duration

const wholeDay = Days(24 * time.Hour)

// String is in days where they are whole.
func (d Days) String() string {
	if d%wholeDay == 0 {
		return strconv.FormatInt(int64(d/wholeDay), 10) + "d"
	}
	return Duration(d).String()
}

// Set reads the form of the configuration file.
func (d *Days) Set(s string) error {
	const most = 100 * 366 // what a time.Duration holds is 292 years
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > most {
			return errDays
		}
		*d = Days(n) * wholeDay
		return nil
	}
	var v Duration
	if v.Set(s) != nil {
		return errDays
	}
	*d = Days(v)
	return nil
}

var errDays = errors.New("not a span of days; write a number and a d, such as 183d, or a duration such as 12h; 0d is for ever")

// UnmarshalYAML reads the value of a key.
func (d *Days) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, d.Set) }

// MarshalYAML writes the form that Set reads.
func (d Days) MarshalYAML() (any, error) { return d.String(), nil }

// What the draft standard asks for at least: half a year for bindings, calls and recordings. Who held a number has to be
// told for two years, so that bindings are kept as long.
const (
	leastKept  = 183 * wholeDay
	leastTrace = 730 * wholeDay
)

func newRetention() Retention {
	return Retention{Bindings: leastTrace, Records: leastKept, Audit: 1096 * wholeDay, RowsPerSecond: 50_000}
}

// minKept is the least that makes sense: rows that are deleted while their calls go on would be missed.
const minKept = Days(time.Hour)

func (c *Config) checkRetention() error {
	r := c.Retention
	for key, kept := range map[string]Days{"retention.bindings": r.Bindings, "retention.records": r.Records, "retention.audit": r.Audit} {
		if kept != 0 && kept < minKept {
			return c.errorFor(fmt.Sprintf("must be at least %s, or 0d to keep them for ever", minKept), key)
		}
	}
	if r.RowsPerSecond < 0 {
		return c.errorFor("must be from 0 on", "retention.rows_per_second")
	}
	return nil
}

// warnRetention names what is kept for less time than operators have to keep it.
func (c *Config) warnRetention() (out []string) {
	for _, k := range []struct {
		key         string
		kept, least Days
	}{
		{"retention.bindings", c.Retention.Bindings, leastTrace},
		{"retention.records", c.Retention.Records, leastKept},
		{"retention.audit", c.Retention.Audit, leastTrace},
		{"recording.retention", Days(c.Recording.Retention), leastKept},
	} {
		if k.kept != 0 && k.kept < k.least {
			out = append(out, c.errorFor(fmt.Sprintf("kept for less than the %s that 700 numbers ask for", k.least), k.key).Error())
		}
	}
	if kept, rest := c.Retention.Bindings, Days(c.Numbering.Quarantine); kept != 0 && kept < rest {
		out = append(out, c.errorFor(fmt.Sprintf("longer than retention.bindings (%s): who was bound on a number is forgotten by then, and is not kept off it any more", kept),
			"numbering.quarantine", "retention.bindings").Error())
	}
	return out
}

// StoreRetention is what the store is asked to delete.
func (c Config) StoreRetention() store.Retention {
	return store.Retention{
		Bindings: time.Duration(c.Retention.Bindings), Records: time.Duration(c.Retention.Records), RowsPerSecond: c.Retention.RowsPerSecond,
	}
}
