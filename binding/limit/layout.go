package limit

import (
	"errors"
	"slices"
	"time"
)

// ticks are tenths of a second. A moment is kept as its low 32 bits, and an age is a difference of two.
const tick = 100 * time.Millisecond

func ticksOf(d time.Duration) int64 { return int64((d + tick - 1) / tick) }

// exact is up to how many attempts a rule may allow for its attempts to be kept one by one.
const exact = 16

// An entry is words of 32 bits: these, and behind them the counters of its layout.
const (
	wordLast   = 0 // when something was counted last
	wordWeight = 1 // how near to a limit it was then, in 1/256
	entryWords = 2
)

// ring says where counters of a window are in an entry.
type ring struct {
	Kind   Kind
	Metric Metric // Attempts or Callees; Short: the short calls, and long ones where Long is set
	Long   bool
	Window int64 // ticks
	Under  int64 // of Short
	Head   int
	At     int
	Wide   bool // 32 bits a counter
}

// list says where the times of the latest attempts are in an entry.
type list struct{ At, Len int }

// layout says where the counters of the keys of one scope are. It is the union of what the rules of all tenants need.
type layout struct {
	Lists   [kinds]list // Len 0: none
	Seen    [kinds]int  // of a pair: where it is kept when its callee was counted for the caller last; 0: it is not
	Rings   []ring
	Longest int64 // ticks: what is older counts nowhere
	Words   int   // of an entry
}

// counts reports whether something of a kind is counted.
func (l *layout) counts(k Kind) bool {
	if l.Lists[k].Len > 0 || l.Seen[k] != 0 {
		return true
	}
	for i := range l.Rings {
		if l.Rings[i].Kind == k {
			return true
		}
	}
	return false
}

func (l *layout) empty() bool { return l.Words <= entryWords }

// layouts are those that the rules of sets need.
func layouts(sets []Set) (all [scopes]layout) {
	for _, s := range sets {
		for _, rules := range s.active() {
			for _, r := range rules {
				need(&all, r)
			}
		}
	}
	for scope := range all {
		all[scope].arrange(Scope(scope))
	}
	return all
}

// maxRings bounds how many different windows the rules of all tenants have in one scope.
const maxRings = 64

var errRings = errors.New("too many different windows among the limits of all tenants; use those that others have")

// Check says whether rules can hold at once.
func Check(all Set, tenants map[string]Override) error {
	for _, l := range layouts(sets(all, tenants)) {
		if len(l.Rings) > maxRings {
			return errRings
		}
	}
	return nil
}

func sets(all Set, tenants map[string]Override) []Set {
	s := []Set{all}
	for _, o := range tenants {
		s = append(s, o.Over(all))
	}
	return s
}

// arrange gives every counter its words.
func (l *layout) arrange(scope Scope) {
	slices.SortFunc(l.Rings, ring.compare)
	at := entryWords
	for k := range l.Lists {
		l.Lists[k].At = at
		at += l.Lists[k].Len
	}
	for k := range l.Seen {
		if l.Seen[k] != 0 {
			l.Seen[k] = at
			at++
		}
	}
	for i := range l.Rings {
		l.Rings[i].Head = at
		at += headWords
	}
	for i := range l.Rings {
		r := &l.Rings[i]
		r.At, r.Wide = at, scope == Tenant
		at += r.words()
	}
	l.Words = at
}

// active is the rules of a set that are asked.
func (s *Set) active() (rules [kinds][]Rule) {
	if s.Mode == Off {
		return rules
	}
	for k := range s.Rules {
		for _, r := range s.Rules[k] {
			if r.Mode != Off {
				rules[k] = append(rules[k], r)
			}
		}
	}
	return rules
}

// need adds what one rule needs.
func need(all *[scopes]layout, r Rule) {
	l, window := &all[r.Scope], ticksOf(r.Window)
	switch {
	case r.Metric == Live:
		return
	case r.Metric == Attempts && r.Most <= exact:
		l.Lists[r.Kind].Len = max(l.Lists[r.Kind].Len, int(r.Most))
	case r.Metric == Attempts:
		l.need(ring{Kind: r.Kind, Metric: Attempts, Window: window})
	case r.Metric == Callees:
		l.need(ring{Kind: r.Kind, Metric: Callees, Window: window})
		pair := &all[Pair]
		pair.Seen[r.Kind], pair.Longest = 1, max(pair.Longest, held(window))
	case r.Metric == Short:
		l.need(ring{Kind: r.Kind, Metric: Short, Window: window, Under: ticksOf(r.Under)})
		l.need(ring{Kind: r.Kind, Metric: Short, Window: window, Under: ticksOf(r.Under), Long: true})
	}
	l.Longest = max(l.Longest, held(window))
}

func (l *layout) need(r ring) {
	if !slices.Contains(l.Rings, r) {
		l.Rings = append(l.Rings, r)
	}
}

// ring returns the index of a ring, -1 where there is none.
func (l *layout) ring(want ring) int {
	return slices.IndexFunc(l.Rings, func(r ring) bool { return r.compare(want) == 0 })
}

func (r ring) compare(other ring) int {
	return slices.Compare(r.order(), other.order())
}

func (r ring) order() []int64 {
	long := int64(0)
	if r.Long {
		long = 1
	}
	return []int64{int64(r.Kind), int64(r.Metric), r.Window, r.Under, long}
}

// fits reports whether the counters of other can be used for l: they have all that l needs.
func (l *layout) fits(other *layout) bool {
	if l.Longest > other.Longest {
		return false
	}
	for k := range l.Lists {
		if l.Lists[k].Len > other.Lists[k].Len || l.Seen[k] != 0 && other.Seen[k] == 0 {
			return false
		}
	}
	for _, r := range l.Rings {
		if other.ring(r) < 0 {
			return false
		}
	}
	return true
}
