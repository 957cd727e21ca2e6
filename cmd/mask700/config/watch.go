package config

import (
	"errors"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Watch is how often each address of a trunk's targets is asked whether it lives: a duration, 0 for never, or auto.
type Watch Duration

// watchAuto is the default: defaultWatch where there is a choice between addresses, or a name that may stand for
// several; never where a trunk has one address, which is called in any case.
const (
	watchAuto    = Watch(-1)
	defaultWatch = 30 * time.Second
)

// Bounds of a watch that is not 0.
const (
	minWatch = Watch(5 * time.Second)
	maxWatch = Watch(10 * time.Minute)
)

// String gives the form that Set reads.
func (w Watch) String() string {
	if w == watchAuto {
		return "auto"
	}
	return Duration(w).String()
}

// Set reads a duration or the word auto.
func (w *Watch) Set(s string) error {
	if s == "auto" {
		*w = watchAuto
		return nil
	}
	var d Duration
	if err := d.Set(s); err != nil {
		return errors.New("write auto, 0 for never, or a number and a unit, such as 30s")
	}
	*w = Watch(d)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (w *Watch) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, w.Set) }

// MarshalYAML writes the form that Set reads.
func (w Watch) MarshalYAML() (any, error) { return w.String(), nil }

// interval is the time between two questions to each address of the trunk's targets, 0 for none.
func (t Trunk) interval() time.Duration {
	if t.Watch != watchAuto {
		return time.Duration(t.Watch)
	}
	for _, target := range t.Targets {
		if !target.target.Addr.IsValid() {
			return defaultWatch
		}
	}
	if len(t.Targets) > 1 {
		return defaultWatch
	}
	return 0
}
