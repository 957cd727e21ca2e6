package limit

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// Options are what a Judge needs.
type Options struct {
	Key    [16]byte         // of the fingerprints; the same after a restart
	Memory int              // bytes, for all there is
	Now    func() time.Time // nil: time.Now, whose monotonic part is used
}

// Judge is the rule. Its methods may be called from several goroutines.
type Judge struct {
	prints *binding.Fingerprints
	memory int
	clock  clock
	live   *live
	state  atomic.Pointer[state]

	changing sync.Mutex // one Use or Load at a time
	tallies  struct {
		sync.Mutex // protects what follows
		by         map[string]*tally
	}
}

var _ rule.Judge = (*Judge)(nil)

// tally is what became of attempts by one rule.
type tally struct{ refused, shadowed atomic.Uint64 }

// state is the tables and who is asked what. It is replaced as a whole.
type state struct {
	tables [scopes]*table // nil: nothing of that scope is counted
	counts [2][scopes]bool
	live   [scopes]bool // calls that go on are counted
	short  bool         // and whether they were short

	rules   *asked
	tenants map[string]*asked
	sets    []Set
}

// asked is the rules of a set, ready to be asked.
type asked struct {
	counted [2][scopes][]question // by rule.Kind
	live    [scopes][]question
}

// question is one rule.
type question struct {
	Rule
	name   string
	window int64
	ring   int // of the layout; -1: its list
	long   int
	shadow bool
	tally  *tally
}

// New returns a Judge without rules.
func New(o Options) *Judge {
	if o.Now == nil {
		o.Now = time.Now
	}
	j := &Judge{prints: binding.NewFingerprints(o.Key), memory: o.Memory, live: newLive(max(1, o.Memory/8/liveBytes))}
	j.clock.start(o.Now)
	j.tallies.by = make(map[string]*tally)
	j.state.Store(&state{rules: new(asked)})
	return j
}

// Use has other rules hold from now on: a set for all, and one for each of some tenants in its place. What was counted
// stays. While tables are made anew for windows that there were not, there are two of them. An error is that of [Check], and
// changes nothing.
func (j *Judge) Use(all Set, tenants map[string]Override) error {
	if err := Check(all, tenants); err != nil {
		return err
	}
	j.changing.Lock()
	defer j.changing.Unlock()
	before := j.state.Load()
	sets := sets(all, tenants)
	next := &state{sets: sets, tenants: make(map[string]*asked, len(tenants))}
	want := layouts(sets)
	if before.fit(&want) {
		next.tables = before.tables
	} else {
		next.tables = j.tables(&want)
		j.carry(before, next)
	}
	next.rules = j.ask(next, all)
	for name, o := range tenants {
		next.tenants[name] = j.ask(next, o.Over(all))
	}
	next.note()
	j.state.Store(next)
	return nil
}

// fit reports whether the tables can be used with other rules.
func (s *state) fit(want *[scopes]layout) bool {
	for scope := range want {
		t := s.tables[scope]
		if t == nil && !want[scope].empty() || t != nil && !want[scope].fits(&t.layout) {
			return false
		}
	}
	return true
}

// shares is how the keys of the scopes stand to each other in number, in 1/64.
var shares = [scopes]int{Pair: 256, Caller: 128, X: 128, Tenant: 1}

// tables makes tables in the memory that there is. The calls that go on have an eighth of it.
func (j *Judge) tables(want *[scopes]layout) (all [scopes]*table) {
	total := 0
	for scope := range want {
		if !want[scope].empty() {
			total += shares[scope] * want[scope].setBytes()
		}
	}
	for scope := range want {
		if l := want[scope]; !l.empty() {
			all[scope] = newTable(l, int(float64(j.memory-j.memory/8)*float64(shares[scope]*l.setBytes())/float64(total)))
		}
	}
	return all
}

// ask makes the rules of a set ready.
func (j *Judge) ask(s *state, set Set) *asked {
	a := new(asked)
	for k, rules := range set.active() {
		for _, r := range rules {
			q := question{Rule: r, name: r.Name(), window: ticksOf(r.Window), ring: -1, shadow: set.Mode == Shadow || r.Mode == Shadow}
			q.tally = j.tally(q.name)
			if r.Metric == Live {
				a.live[r.Scope] = append(a.live[r.Scope], q)
				continue
			}
			t := s.tables[r.Scope]
			want := ring{Kind: r.Kind, Metric: r.Metric, Window: q.window}
			if r.Metric == Short {
				want.Under = ticksOf(r.Under)
				long := want
				long.Long = true
				q.long = t.ring(long)
			}
			if r.Metric != Attempts || r.Most > exact {
				q.ring = t.ring(want)
			}
			for kind := range a.counted {
				if Kind(k) == All || k == kind {
					a.counted[kind][r.Scope] = append(a.counted[kind][r.Scope], q)
				}
			}
		}
	}
	return a
}

// note says what is to be counted at all.
func (s *state) note() {
	for scope, t := range s.tables {
		if t != nil {
			for kind := range s.counts {
				s.counts[kind][scope] = t.counts(Kind(kind)) || t.counts(All)
			}
		}
	}
	for _, set := range s.sets {
		for _, r := range set.active()[Calls] {
			switch r.Metric {
			case Live:
				s.live[r.Scope] = true
			case Short:
				s.short = true
			}
		}
	}
}

func (j *Judge) tally(name string) *tally {
	j.tallies.Lock()
	defer j.tallies.Unlock()
	t := j.tallies.by[name]
	if t == nil {
		t = new(tally)
		j.tallies.by[name] = t
	}
	return t
}

// Domains of the fingerprints.
const (
	domainPair   = 'p'
	domainCaller = 'c'
	domainX      = 'x'
	domainTenant = 't'
	domainRecord = 'r'
	domainCheck  = 'k'
)

// keys are the keys of an attempt. None is zero, which is a free place.
func (j *Judge) keys(a *rule.Attempt) (k [scopes]uint64) {
	f := j.prints
	k[Pair] = max(1, f.Pair(domainPair, a.Query.Caller, a.Edge.Callee))
	k[Caller] = max(1, f.Number(domainCaller, a.Query.Caller))
	k[X] = max(1, f.X(domainX, a.Query.Dialled))
	k[Tenant] = max(1, f.Text(domainTenant, a.Binding.Tenant))
	return k
}

// Judge implements [rule.Judge]. It does not wait. The time is that of its clock, whatever the query says. A probe
// counts nothing.
func (j *Judge) Judge(_ context.Context, a *rule.Attempt) rule.Verdict {
	if a.Ordered() {
		return j.ordered(a)
	}
	t := j.trial(a)
	return t.run(a.Record)
}

// ordered judges a call that the platform has asked for. Whichever of the two it calls first, each may be the one whose
// call it is: it counts for the pair both ways, and the other one among those whom either tries to reach. It is not
// counted for one of them where it is refused by what the other has done.
func (j *Judge) ordered(a *rule.Attempt) rule.Verdict {
	back := a.Back()
	asked := back
	asked.Probe = true
	first := j.trial(&asked)
	if v := first.run(""); v.Refusal != binding.RefusalNone {
		if !a.Probe {
			first.refuse.tally.refused.Add(1)
		}
		return v
	}
	t := j.trial(a)
	v := t.run(a.Record)
	if v.Refusal == binding.RefusalNone {
		t = j.trial(&back)
		other := t.run("")
		v.Refusal, v.Rule, v.Anyone = other.Refusal, other.Rule, other.Anyone // another call came between
		v.Shadow = rule.Together(v.Shadow, other.Shadow)
	}
	return v
}

func (j *Judge) trial(a *rule.Attempt) trial {
	s := j.state.Load()
	kind := min(a.Kind, rule.Text)
	rules, special := s.tenants[a.Binding.Tenant]
	if !special {
		rules = s.rules
	}
	return trial{judge: j, state: s, rules: rules, kind: kind, now: j.clock.now(), keys: j.keys(a), probe: a.Probe, turn: a.Turn}
}

// Guess implements [rule.Guesser]: a wrong extension is an attempt to reach nobody, and as
// many may be as the limits of calls allow of one caller to one other, of one caller and to
// one number. It goes on for no time.
func (j *Judge) Guess(a *rule.Attempt) rule.Verdict {
	guess := *a
	guess.Edge = binding.Edge{}
	t := j.trial(&guess)
	t.guess = true
	return t.run("")
}

// Done implements [rule.Judge]: a call no longer goes on, and was short or not.
func (j *Judge) Done(r *cdr.Record) {
	c, ok := j.live.done(j.prints.Text(domainRecord, r.ID))
	if !ok || r.AnsweredAt.IsZero() {
		return
	}
	s := j.state.Load()
	t := s.tables[Caller]
	if t == nil || !s.short {
		return
	}
	length, now, key := ticksOf(r.ReleasedAt.Sub(r.AnsweredAt)), j.clock.now(), c.caller
	set := t.set(key)
	lock := t.lock(set)
	defer lock.Unlock()
	e, own := t.find(set, key)
	if !own {
		e = t.place(set, key, now)
	}
	for i := range t.Rings {
		if r := &t.Rings[i]; r.Metric == Short && r.Long == (length >= r.Under) {
			r.add(e, now, 1)
		}
	}
	e[wordLast] = stamp(now)
}

// Stats is how the counters are.
type Stats struct {
	Memory     int         // bytes of the tables
	Keys, Room [scopes]int // keys that count; places
	Pushed     uint64      // keys that lost their place while they still counted
	Live       int         // calls that go on
	LiveMissed uint64      // calls that found no room among those
	Rules      []RuleStats
}

// RuleStats is what became of attempts by one rule.
type RuleStats struct {
	Name              string
	Refused, Shadowed uint64
}

// Stats returns them. It looks at every place of the tables.
func (j *Judge) Stats() Stats {
	s, now := j.state.Load(), j.clock.now()
	st := Stats{Live: int(j.live.calls.Load()), LiveMissed: j.live.missed.Load()}
	for scope, t := range s.tables {
		if t != nil {
			st.Memory += t.bytes()
			st.Keys[scope], st.Room[scope] = t.keys(now), t.sets*ways
			st.Pushed += t.pushed()
		}
	}
	st.Rules = j.ruleStats()
	return st
}

func (j *Judge) ruleStats() (all []RuleStats) {
	j.tallies.Lock()
	defer j.tallies.Unlock()
	for _, name := range slices.Sorted(maps.Keys(j.tallies.by)) {
		t := j.tallies.by[name]
		all = append(all, RuleStats{name, t.refused.Load(), t.shadowed.Load()})
	}
	return all
}
