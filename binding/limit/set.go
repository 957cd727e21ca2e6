package limit

import (
	"errors"
	"strings"
)

// Set is the rules that hold, and how.
type Set struct {
	Mode  Mode // of all of them: Shadow lets none refuse, Off none count
	Rules [kinds][]Rule
}

// defaults are the published defaults. They leave room for a courier with some hundred recipients a day and a driver who looks
// for his passenger; vendors publish 3 in 5 minutes, 6 in 10 and 10 in 24 hours for a pair. No list is longer than what is
// counted exactly.
var defaults = [kinds]string{
	Calls: "pair 5/5m, pair 8/30m, pair 16/24h, caller 90/1h, caller 600/24h, callees 400/24h, caller live 3, x 600/1h, x live 50, short 6s 80% of 30/1h",
	Texts: "pair 8/10m, pair 16/1h, caller 90/1h, callees 400/24h, x 600/1h",
}

// Defaults returns the published rules, which are enforced.
func Defaults() Set {
	s := Set{Mode: Enforce}
	for _, k := range Kinds {
		rules, err := ParseRules(k, defaults[k])
		if err != nil {
			panic("limit: the defaults: " + err.Error()) // a fault of this file
		}
		s.Rules[k] = rules
	}
	return s
}

// ParseRules reads rules with commas between; nothing or "none" is no rule.
func ParseRules(kind Kind, text string) ([]Rule, error) {
	rules := []Rule{}
	if text = strings.TrimSpace(text); text == "" || text == "none" {
		return rules, nil
	}
	for _, part := range strings.Split(text, ",") {
		r, err := ParseRule(kind, part)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, CheckRules(rules)
}

// CheckRules says what is wrong with rules beside each other.
func CheckRules(rules []Rule) error {
	names := make(map[string]bool, len(rules))
	for _, r := range rules {
		if names[r.Name()] {
			return errTwice
		}
		names[r.Name()] = true
	}
	if len(rules) > maxRules {
		return errMany
	}
	return nil
}

// maxRules bounds what is asked for one attempt.
const maxRules = 32

var errMany = errors.New("more than 32 limits of one kind")

// FormatRules writes rules as ParseRules reads them.
func FormatRules(rules []Rule) string {
	if len(rules) == 0 {
		return "none"
	}
	texts := make([]string, len(rules))
	for i, r := range rules {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// Override is what a tenant has in place of the rules that are configured. The zero value is nothing.
type Override struct {
	Mode  Mode          // "": as configured
	Rules [kinds][]Rule // nil: as configured; no rule: none
}

// Over returns the rules that hold for the tenant.
func (o Override) Over(s Set) Set {
	if o.Mode != "" {
		s.Mode = o.Mode
	}
	for k, rules := range o.Rules {
		if rules != nil {
			s.Rules[k] = rules
		}
	}
	return s
}

// String writes an override as ParseOverride reads it: "mode=enforce;calls=pair 5/5m, pair 20/24h;texts=none".
func (o Override) String() string {
	var parts []string
	if o.Mode != "" {
		parts = append(parts, "mode="+string(o.Mode))
	}
	for _, k := range Kinds {
		if o.Rules[k] != nil {
			parts = append(parts, k.String()+"="+FormatRules(o.Rules[k]))
		}
	}
	return strings.Join(parts, ";")
}

var errOverride = errors.New("not the limits of a tenant")

// ParseOverride reads what String writes.
func ParseOverride(text string) (o Override, err error) {
	if text == "" {
		return o, nil
	}
	for _, part := range strings.Split(text, ";") {
		word, value, _ := strings.Cut(part, "=")
		if err := o.Put(word, value); err != nil {
			return Override{}, err
		}
	}
	return o, nil
}

// Put sets one part of it: "mode", or a kind, to what ParseMode or ParseRules read, or to "default", which is as
// configured.
func (o *Override) Put(word, value string) (err error) {
	if word == "mode" {
		if o.Mode = ""; value != "default" {
			o.Mode, err = ParseMode(value)
		}
		return err
	}
	for _, k := range Kinds {
		if k.String() == word {
			if o.Rules[k] = nil; value != "default" {
				o.Rules[k], err = ParseRules(k, value)
			}
			return err
		}
	}
	return errOverride
}
