package limit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind is what a rule counts.
type Kind uint8

// Kinds.
const (
	Calls Kind = iota
	Texts
	All // both, counted together

	kinds
)

// Kinds are all of them, in the order in which they are asked.
var Kinds = [...]Kind{Calls, Texts, All}

// String returns the word of the configuration.
func (k Kind) String() string { return [...]string{"calls", "texts", "all"}[k] }

// Scope is whose attempts are counted together.
type Scope uint8

// Scopes.
const (
	Pair Scope = iota // of one caller to one callee
	Caller
	X // to one 700 number
	Tenant

	scopes
)

var scopeWords = [scopes]string{"pair", "caller", "x", "tenant"}

// String returns the word of the configuration.
func (s Scope) String() string { return scopeWords[s] }

// Metric is what of them is counted.
type Metric uint8

// Metrics.
const (
	Attempts Metric = iota
	Callees         // different people that one caller attempts to reach
	Live            // calls that go on
	Short           // answered calls of a caller that were short
)

// Mode is what becomes of an attempt that is over a limit.
type Mode string

// Modes. The zero Mode of a rule is Enforce.
const (
	Enforce Mode = "enforce" // it is refused
	Shadow  Mode = "shadow"  // it is reported
	Off     Mode = "off"     // nothing
)

// Rule is one limit.
type Rule struct {
	Kind   Kind
	Scope  Scope
	Metric Metric
	Most   uint32        // so many may be; of Short, so many answered calls are needed
	Window time.Duration // but for Live
	Share  uint32        // of Short: percent
	Under  time.Duration // of Short: what is short
	Mode   Mode
}

// Bounds of a rule.
const (
	MaxWindow = 7 * 24 * time.Hour
	minWindow = time.Second
	maxMost   = 60_000        // a counter has 16 bits
	maxTenant = 1_000_000_000 // a tenant's has 32
	maxUnder  = 10 * time.Minute
)

// Errors of reading a rule.
var (
	errForm = errors.New(`not a limit; write "pair 3/5m" (or caller, x, tenant), "callees 300/24h", "caller live 2" (or x, tenant) or "short 6s 80% of 30/1h", ` +
		"with shadow or off behind it where it is not enforced")
	errKind   = errors.New("only calls go on and are short; write this limit under calls")
	errWindow = errors.New("the window must be from 1s to 168h")
	errMost   = fmt.Errorf("the count must be from 1 to %d, for a tenant to %d", maxMost, maxTenant)
	errShare  = errors.New("the share must be from 1% to 100%")
	errUnder  = errors.New("what is short must be from 1s to 10m")
	errTwice  = errors.New("the same limit stands here twice")
	errMode   = errors.New("not a mode; one of enforce, shadow, off")
)

// ParseRule reads what stands after the kind: "pair 3/5m", "short 6s 80% of 30/1h shadow".
func ParseRule(kind Kind, text string) (Rule, error) {
	r := Rule{Kind: kind, Mode: Enforce}
	words := strings.Fields(text)
	if n := len(words); n > 0 {
		if mode, err := ParseMode(words[n-1]); err == nil {
			r.Mode, words = mode, words[:n-1]
		}
	}
	if len(words) < 2 {
		return Rule{}, errForm
	}
	if err := r.parse(words[0], words[1:]); err != nil {
		return Rule{}, err
	}
	return r, r.check()
}

func (r *Rule) parse(what string, words []string) (err error) {
	rate := words[len(words)-1]
	switch {
	case what == "callees" && len(words) == 1:
		r.Scope, r.Metric = Caller, Callees
	case what == "short" && len(words) == 4 && words[2] == "of":
		r.Scope, r.Metric = Caller, Short
		if r.Under, err = time.ParseDuration(words[0]); err != nil {
			return errForm
		}
		share, percent := strings.CutSuffix(words[1], "%")
		if r.Share, err = count(share); err != nil || !percent {
			return errForm
		}
	default:
		i := 0
		for i < len(scopeWords) && scopeWords[i] != what {
			i++
		}
		if i == len(scopeWords) {
			return errForm
		}
		r.Scope = Scope(i)
		if len(words) == 2 && words[0] == "live" && r.Scope != Pair {
			r.Metric = Live
			r.Most, err = count(words[1])
			return err
		}
		if len(words) != 1 {
			return errForm
		}
	}
	most, window, ok := strings.Cut(rate, "/")
	if !ok {
		return errForm
	}
	if r.Window, err = time.ParseDuration(window); err != nil {
		return errForm
	}
	r.Most, err = count(most)
	return err
}

func count(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, errForm
	}
	return uint32(n), nil
}

func (r *Rule) check() error {
	most := uint32(maxMost)
	if r.Scope == Tenant {
		most = maxTenant
	}
	switch {
	case r.Most < 1 || r.Most > most:
		return errMost
	case r.Metric != Live && (r.Window < minWindow || r.Window > MaxWindow):
		return errWindow
	case (r.Metric == Live || r.Metric == Short) && r.Kind != Calls:
		return errKind
	case r.Metric == Short && (r.Share < 1 || r.Share > 100):
		return errShare
	case r.Metric == Short && (r.Under < time.Second || r.Under > maxUnder):
		return errUnder
	}
	return nil
}

// String is what ParseRule reads.
func (r Rule) String() string {
	if r.Mode == Enforce || r.Mode == "" {
		return r.text()
	}
	return r.text() + " " + string(r.Mode)
}

func (r Rule) text() string {
	switch r.Metric {
	case Live:
		return fmt.Sprintf("%s live %d", r.Scope, r.Most)
	case Callees:
		return fmt.Sprintf("callees %d/%s", r.Most, short(r.Window))
	case Short:
		return fmt.Sprintf("short %s %d%% of %d/%s", short(r.Under), r.Share, r.Most, short(r.Window))
	}
	return fmt.Sprintf("%s %d/%s", r.Scope, r.Most, short(r.Window))
}

// Name is how the rule is called in records: without its mode, and with its kind where that is not Calls.
func (r Rule) Name() string {
	if r.Kind == Calls {
		return r.text()
	}
	return r.Kind.String() + " " + r.text()
}

// short writes a time without parts that are zero: "5m", "1h30m", "24h".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ParseMode reads a mode.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case Enforce, Shadow, Off:
		return m, nil
	}
	return "", errMode
}
