package trunk

import (
	"maps"
	"net/netip"
	"slices"
)

// Learned is an address of a trunk that became known after the start: what the
// name of a target stands for.
type Learned struct {
	Trunk int // its Index
	Addr  netip.Addr
}

// Clash is a learned address that is a source of another trunk on the same
// listener already, and stays that one's.
type Clash struct {
	Learned
	Owner int // the other's Index
}

// With returns the table with further addresses as sources, the first of two
// claims to one address winning, and what could not be taken. The trunks that it
// finds are the same ones. t is not changed.
func (t *Table) With(list []Learned) (*Table, []Clash) {
	next := new(Table)
	*next = *t
	next.sources = maps.Clone(t.sources)
	for listener, sources := range next.sources {
		next.sources[listener] = slices.Clone(sources)
	}
	var clashes []Clash
	for _, l := range list {
		k := &next.trunks[l.Trunk]
		a := l.Addr.Unmap().WithZone("")
		p := netip.PrefixFrom(a, a.BitLen())
		sources := next.sources[k.Listen]
		i := slices.IndexFunc(sources, func(s source) bool { return s.prefix == p })
		switch {
		case i < 0:
			// A single address is longer than any prefix but another one.
			next.sources[k.Listen] = slices.Insert(sources, 0, source{p, k})
		case sources[i].trunk != k:
			clashes = append(clashes, Clash{l, sources[i].trunk.Index})
		}
	}
	return next, clashes
}
