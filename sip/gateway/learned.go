package gateway

import (
	"slices"
	"time"

	"mask700/sip/trunk"
)

// A call goes on at the address that it began at, also when the name has moved
// since: what was learned stays a source for a while. So many at most, as names
// may change with every answer.
const (
	lingerTime  = time.Hour
	lingerLimit = 128 // by trunk
)

// learned are the addresses of targets as sources of their trunks, in the order
// in which they came: who had one first keeps it.
type learned struct {
	list    []source
	clashes []trunk.Clash
}

// source is one of them.
type source struct {
	trunk.Learned
	until time.Time // zero: its target has it still
}

// set replaces what a trunk has now.
func (l *learned) set(now time.Time, i int, has []trunk.Learned) {
	for j := range l.list {
		s := &l.list[j]
		switch {
		case s.Trunk != i:
		case slices.Contains(has, s.Learned):
			s.until = time.Time{}
		case s.until.IsZero():
			s.until = now.Add(lingerTime)
		}
	}
	for _, h := range has {
		if !slices.ContainsFunc(l.list, func(s source) bool { return s.Learned == h }) {
			l.list = append(l.list, source{Learned: h})
		}
	}
	over := -lingerLimit
	for _, s := range l.list {
		if s.Trunk == i {
			over++
		}
	}
	l.list = slices.DeleteFunc(l.list, func(s source) bool {
		drop := over > 0 && s.Trunk == i && !s.until.IsZero()
		if drop {
			over--
		}
		return drop
	})
}

// expire drops what has lingered, and reports whether that was any.
func (l *learned) expire(now time.Time) bool {
	n := len(l.list)
	l.list = slices.DeleteFunc(l.list, func(s source) bool { return !s.until.IsZero() && !now.Before(s.until) })
	return len(l.list) < n
}

// next is when expire has work to do; false: never.
func (l *learned) next() (next time.Time, ok bool) {
	for _, s := range l.list {
		if !s.until.IsZero() && (!ok || s.until.Before(next)) {
			next, ok = s.until, true
		}
	}
	return next, ok
}

// addresses are all of them.
func (l *learned) addresses() (out []trunk.Learned) {
	for _, s := range l.list {
		out = append(out, s.Learned)
	}
	return out
}

// learn makes the addresses of a trunk's hops its sources.
func (r *router) learn(now time.Time, i int) {
	var has []trunk.Learned
	for _, h := range r.trunks[i].hops {
		if !r.trunks[i].trunk.IsSource(h.Flow.Network) {
			continue
		}
		if l := (trunk.Learned{Trunk: i, Addr: h.Flow.Remote.Addr()}); !slices.Contains(has, l) {
			has = append(has, l)
		}
	}
	r.sources.set(now, i, has)
	r.tabulate()
}

// forget takes addresses that have lingered long enough out of the table.
func (r *router) forget(now time.Time) {
	if r.sources.expire(now) {
		r.tabulate()
	}
}

// tabulate puts a new trunk table in the place of the old one. Two trunks that
// stand for one address cannot be told apart; at run time that is no reason to
// end, and who had it first keeps it.
func (r *router) tabulate() {
	table, clashes := r.gateway.base.With(r.sources.addresses())
	r.gateway.table.Store(table)
	for _, c := range clashes {
		if !slices.Contains(r.sources.clashes, c) {
			r.gateway.log.Warn("a target stands for an address that is another trunk's source, and stays that one's",
				"trunk", r.trunks[c.Trunk].trunk.Name, "owner", r.trunks[c.Owner].trunk.Name)
		}
	}
	r.sources.clashes = clashes
}
