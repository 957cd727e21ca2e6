package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/binding/limit"
)

// Limits are how often callers may call and write, and how that is counted.
type Limits struct {
	Mode     LimitMode `yaml:"mode"`
	Memory   Size      `yaml:"memory"`   // of the counters, for good
	Snapshot Duration  `yaml:"snapshot"` // written so often: what a crash may cost
	Calls    []Word    `yaml:"calls"`
	Texts    []Word    `yaml:"texts"`
	All      []Word    `yaml:"all"` // calls and texts counted together
}

// LimitMode says what becomes of an attempt over a limit: enforce (refused), shadow (reported) or off.
type LimitMode string

// Set reads the word.
func (m *LimitMode) Set(s string) error {
	return oneOf((*string)(m), s, string(limit.Enforce), string(limit.Shadow), string(limit.Off))
}

// UnmarshalYAML reads the value of a key.
func (m *LimitMode) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, m.Set) }

// Size is a number of bytes, written with its unit: "64MiB", "2GiB".
type Size int64

// String gives the largest unit that is whole.
func (s Size) String() string {
	if s != 0 && s%(1<<30) == 0 {
		return itoa(int64(s>>30)) + "GiB"
	}
	return itoa(int64(s>>20)) + "MiB"
}

// Set reads the form of the configuration file.
func (s *Size) Set(text string) error {
	digits, shift := strings.TrimSuffix(text, "MiB"), 20
	if g, ok := strings.CutSuffix(text, "GiB"); ok {
		digits, shift = g, 30
	}
	n, err := strconv.ParseUint(digits, 10, 20)
	if err != nil || digits == text {
		return errors.New("not a size; write a number and a unit, such as 64MiB or 2GiB")
	}
	*s = Size(n << shift)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (s *Size) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, s.Set) }

// MarshalYAML writes the form that Set reads.
func (s Size) MarshalYAML() (any, error) { return s.String(), nil }

// newLimits are the published defaults.
func newLimits() Limits {
	set := limit.Defaults()
	l := Limits{Mode: LimitMode(set.Mode), Memory: 64 << 20, Snapshot: Duration(30 * time.Second)}
	for _, k := range limit.Kinds {
		into := l.words(k)
		*into = []Word{}
		for _, r := range set.Rules[k] {
			*into = append(*into, Word(r.String()))
		}
	}
	return l
}

func (l *Limits) words(k limit.Kind) *[]Word {
	return [...]*[]Word{limit.Calls: &l.Calls, limit.Texts: &l.Texts, limit.All: &l.All}[k]
}

// Bounds of the memory for ids.
const (
	minIDMemory = Size(1 << 20)
	maxIDMemory = Size(64 << 30)
)

func (c *Config) checkMemory() error {
	if m := c.Memory.IDs; m < minIDMemory || m > maxIDMemory {
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minIDMemory, maxIDMemory), "memory.ids")
	}
	return nil
}

// Bounds of the counters.
const (
	minLimitMemory = Size(1 << 20)
	maxLimitMemory = Size(64 << 30)
	minSnapshot    = Duration(time.Second)
	maxSnapshot    = Duration(time.Hour)
)

func (c *Config) checkLimits() error {
	l := &c.Limits
	switch {
	case l.Memory < minLimitMemory || l.Memory > maxLimitMemory:
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minLimitMemory, maxLimitMemory), "limits.memory")
	case l.Snapshot < minSnapshot || l.Snapshot > maxSnapshot:
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minSnapshot, maxSnapshot), "limits.snapshot")
	}
	for _, k := range limit.Kinds {
		var rules []limit.Rule
		for i, word := range *l.words(k) {
			r, err := limit.ParseRule(k, string(word))
			if err == nil {
				rules = append(rules, r)
				err = limit.CheckRules(rules)
			}
			if err != nil {
				return c.errorFor(err.Error(), fmt.Sprintf("limits.%s[%d]", k, i))
			}
		}
	}
	return nil
}

// LimitSet is the limits of a configuration that is valid.
func (c Config) LimitSet() limit.Set {
	s := limit.Set{Mode: limit.Mode(c.Limits.Mode)}
	for _, k := range limit.Kinds {
		for _, word := range *c.Limits.words(k) {
			if r, err := limit.ParseRule(k, string(word)); err == nil {
				s.Rules[k] = append(s.Rules[k], r)
			}
		}
	}
	return s
}

// LimitFile is where the counters are between two runs.
func (c Config) LimitFile() string { return filepath.Join(c.DataDir, "limits.counters") }
