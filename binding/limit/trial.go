package limit

import (
	"mask700/binding"
	"mask700/binding/rule"
)

// trial is one attempt before the rules.
type trial struct {
	judge *Judge
	state *state
	rules *asked
	kind  rule.Kind
	now   int64
	keys  [scopes]uint64
	probe bool
	guess bool // no call would go on
	turn  bool // another callee of an attempt that was counted

	slots  [scopes]slot
	refuse *question // the first that refuses
	shadow []string
}

// slot is the counters of one key of the attempt.
type slot struct {
	t      *table // nil: nothing is counted
	lock   *stripe
	set    int
	e      []uint32
	weight uint32
	own    bool
}

// run asks all rules and counts the attempt where none refuses it. The locks of pair, caller and X are held meanwhile, and
// always taken in this order. That of the tenant, whom many share, is held for a moment.
func (t *trial) run(record string) rule.Verdict {
	for scope := Pair; scope < Tenant; scope++ {
		t.open(scope)
	}
	for scope := Pair; scope < Tenant; scope++ {
		t.check(scope)
	}
	call, going := onCall{caller: t.keys[Caller]}, false
	if t.kind == rule.Call && !t.guess && !t.turn {
		going = t.begin(&call, record)
	}
	t.open(Tenant)
	t.check(Tenant)
	passed := t.refuse == nil
	if passed && !t.probe {
		t.count(Tenant)
	}
	t.close(Tenant)
	if passed && !t.probe {
		t.count(X)
		t.count(Caller) // before the pair, which knows whether the callee was counted
		t.count(Pair)
	}
	for scope := Pair; scope < Tenant; scope++ {
		t.close(scope)
	}
	if going {
		t.keep(record, call, passed)
	}
	v := rule.Verdict{Shadow: t.shadow, Counted: passed && !t.probe}
	if !passed {
		v.Refusal, v.Rule, v.Anyone = binding.RefusalCapped, t.refuse.name, !t.refuse.ofCallee()
		if !t.probe {
			t.refuse.tally.refused.Add(1)
		}
	}
	return v
}

func (t *trial) open(scope Scope) {
	if !t.state.counts[t.kind][scope] {
		return
	}
	s := &t.slots[scope]
	s.t = t.state.tables[scope]
	s.set = s.t.set(t.keys[scope])
	s.lock = s.t.lock(s.set)
	s.e, s.own = s.t.find(s.set, t.keys[scope])
}

func (t *trial) close(scope Scope) {
	if s := &t.slots[scope]; s.t != nil {
		s.lock.Unlock()
	}
}

// ofCallee reports whether a rule depends on who is called.
func (q *question) ofCallee() bool { return q.Scope == Pair || q.Metric == Callees }

// check asks the rules of one scope.
func (t *trial) check(scope Scope) {
	questions := t.rules.counted[t.kind][scope]
	for i := range questions {
		if q := &questions[i]; (!t.turn || q.ofCallee()) && t.over(q, &t.slots[scope]) {
			t.hit(q)
		}
	}
}

// hit takes a rule that the attempt is over.
func (t *trial) hit(q *question) {
	switch {
	case q.shadow:
		t.shadow = append(t.shadow, q.name)
		if !t.probe {
			q.tally.shadowed.Add(1)
		}
	case t.refuse == nil:
		t.refuse = q
	}
}

// over reports whether there are as many as may be.
func (t *trial) over(q *question, s *slot) bool {
	switch {
	case q.Metric == Short:
		few, many := s.t.Rings[q.ring].sum(s.e, t.now), s.t.Rings[q.long].sum(s.e, t.now)
		return few+many >= q.Most && uint64(few)*100 >= uint64(few+many)*uint64(q.Share)
	case q.Metric == Callees && t.known(q.Kind, &s.t.Rings[q.ring]):
		return false
	}
	n := uint32(0)
	if q.ring >= 0 {
		n = s.t.Rings[q.ring].sum(s.e, t.now)
	} else {
		n = s.t.Lists[q.Kind].sum(s.e, t.now, q.window)
	}
	s.weigh(n, q.Most)
	return n >= q.Most
}

// weight is how near to a limit a key is.
func (s *slot) weigh(n, most uint32) {
	s.weight = max(s.weight, uint32(min(uint64(n+1)*256/uint64(most), 1<<20)))
}

// known reports whether the callee is one that counts for the caller already.
func (t *trial) known(k Kind, r *ring) bool {
	then := t.seen(k)
	return then != 0 && r.has(then, t.now)
}

// seen is when the callee was counted for the caller last, zero where that is not known.
func (t *trial) seen(k Kind) uint32 {
	p := &t.slots[Pair]
	if p.t == nil || !p.own || p.t.Seen[k] == 0 {
		return 0
	}
	return p.e[p.t.Seen[k]]
}

// count counts the attempt for one key.
func (t *trial) count(scope Scope) {
	s := &t.slots[scope]
	if s.t == nil || t.turn && scope > Caller {
		return
	}
	whole := !t.turn || scope == Pair // of the caller there is only a callee more, else
	e := s.e
	if !s.own {
		e = s.t.place(s.set, t.keys[scope], t.now)
	}
	then := stamp(t.now)
	for _, k := range [...]Kind{Kind(t.kind), All} {
		if l := s.t.Lists[k]; l.Len > 0 && whole {
			l.add(e, then)
		}
		if at := s.t.Seen[k]; at != 0 {
			e[at] = then
		}
	}
	for i := range s.t.Rings {
		r := &s.t.Rings[i]
		if r.Kind != Kind(t.kind) && r.Kind != All {
			continue
		}
		switch r.Metric {
		case Callees:
			if then := t.seen(r.Kind); then != 0 {
				r.take(e, then, t.now)
			}
			r.add(e, t.now, 1)
		case Attempts:
			if whole {
				r.add(e, t.now, 1)
			}
		}
	}
	e[wordLast], e[wordWeight] = then, s.weight
}

// begin counts the call among those that go on, and reports whether it has room there. A rule may refuse it still.
func (t *trial) begin(call *onCall, record string) bool {
	l := t.judge.live
	counted := t.refuse == nil && !t.probe && record != "" && (t.state.short || t.state.live != [scopes]bool{}) && l.reserve()
	for scope := Caller; scope < scopes; scope++ {
		if !t.state.live[scope] {
			continue
		}
		may := func(n uint32) bool {
			for i := range t.rules.live[scope] {
				if q := &t.rules.live[scope][i]; n >= q.Most {
					t.hit(q)
				}
			}
			return counted && t.refuse == nil
		}
		if l.begin(t.keys[scope], may) {
			call.keys[scope] = t.keys[scope]
		}
	}
	return counted
}

// keep remembers the call until it ends, or ends it at once.
func (t *trial) keep(record string, call onCall, passed bool) {
	l := t.judge.live
	if passed {
		l.keep(t.judge.prints.Text(domainRecord, record), call)
		return
	}
	l.endAll(call)
	l.calls.Add(-1)
}
