package trunk

import (
	"fmt"
	"net/netip"
	"slices"
)

// Table finds the trunk that a packet belongs to. It is not changed after
// NewTable, so that any number of goroutines may use it.
type Table struct {
	trunks []Trunk
	// sources are by the listener that a trunk names, "" for trunks that name
	// none, and the longest prefix first.
	sources map[string][]source
	peers   map[string]*Trunk // by the names in the certificates of those who connect
	servers map[server]*Trunk // by the hosts that are connected to, where an address does not tell
	asking  map[string]bool   // listeners, "" for all, with trunks in peers
}

// source is one prefix of one trunk.
type source struct {
	prefix netip.Prefix
	trunk  *Trunk
}

// ConflictError says that two trunks cannot be told apart: what comes from one
// source, or under one name, would belong to both.
type ConflictError struct {
	First, Second int // places in the list of trunks, First < Second
	Names         [2]string
	Source        netip.Prefix // not valid: it is a name in certificates
}

// Error implements error.
func (e *ConflictError) Error() string {
	if !e.Source.IsValid() {
		return fmt.Sprintf("trunks %s and %s cannot be told apart: certificates name both in the same way; "+
			"give one of them other tls_names or targets", e.Names[0], e.Names[1])
	}
	return fmt.Sprintf("trunks %s and %s cannot be told apart: both have the source %s on the same listener; "+
		"give one of them another listen or other sources", e.Names[0], e.Names[1], e.Source)
}

// NewTable builds the table of the trunks; listeners are the names that there
// are. In the table a trunk's Index is its place in the list. A trunk that does
// not validate, a name that means nothing, and two trunks that cannot be told
// apart (a *ConflictError) are errors.
func NewTable(trunks []Trunk, listeners []string) (*Table, error) {
	t := &Table{
		trunks: slices.Clone(trunks), sources: map[string][]source{},
		peers: map[string]*Trunk{}, servers: map[server]*Trunk{}, asking: map[string]bool{},
	}
	if err := t.checkNames(listeners); err != nil {
		return nil, err
	}
	for i := range t.trunks {
		t.trunks[i].Index = i
		if err := t.add(&t.trunks[i]); err != nil {
			return nil, err
		}
		if err := t.addNames(&t.trunks[i]); err != nil {
			return nil, err
		}
	}
	for _, list := range t.sources {
		slices.SortStableFunc(list, func(a, b source) int { return b.prefix.Bits() - a.prefix.Bits() })
	}
	if err := t.checkReachable(listeners); err != nil {
		return nil, err
	}
	return t, nil
}

// checkNames validates every trunk and the names that it gives of others.
func (t *Table) checkNames(listeners []string) error {
	known := map[string]bool{"": true}
	for i := range t.trunks {
		k := &t.trunks[i]
		if err := k.Validate(); err != nil {
			return err
		}
		if known[k.Name] {
			return fmt.Errorf("two trunks have the name %s; give one of them another", k.Name)
		}
		known[k.Name] = true
	}
	for i := range t.trunks {
		k := &t.trunks[i]
		switch {
		case k.Listen != "" && !slices.Contains(listeners, k.Listen):
			return fmt.Errorf("trunk %s: listen names no listener; give the name of one", k.Name)
		case !known[k.RouteTo]:
			return fmt.Errorf("trunk %s: route_to names no trunk; give the name of one", k.Name)
		case !known[k.Pass]:
			return fmt.Errorf("trunk %s: pass names no trunk; give the name of one", k.Name)
		}
	}
	return nil
}

// add files the sources of a trunk, those of its targets that are some among them.
func (t *Table) add(k *Trunk) error {
	prefixes := slices.Clone(k.Sources)
	for _, target := range k.Targets {
		if a := target.Addr.Addr(); a.IsValid() && k.IsSource(target.Network) {
			prefixes = append(prefixes, netip.PrefixFrom(a.WithZone(""), a.BitLen()))
		}
	}
	list := t.sources[k.Listen]
	for _, p := range prefixes {
		p = plain(p)
		i := slices.IndexFunc(list, func(s source) bool { return s.prefix == p })
		switch {
		case i < 0:
			list = append(list, source{p, k})
		case list[i].trunk != k:
			return conflict(list[i].trunk, k, p)
		}
	}
	t.sources[k.Listen] = list
	return nil
}

// plain writes a prefix in the one form that it is compared in: masked, and an
// IPv4 address in IPv6 clothes as what it is.
func plain(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

func conflict(a, b *Trunk, p netip.Prefix) error {
	if a.Index > b.Index {
		a, b = b, a
	}
	return &ConflictError{First: a.Index, Second: b.Index, Names: [2]string{a.Name, b.Name}, Source: p}
}

// checkReachable finds trunks without a listener that no packet can belong to,
// because on every listener a trunk that names it has their sources already.
func (t *Table) checkReachable(listeners []string) error {
	if len(listeners) == 0 {
		return nil
	}
	taken := map[*Trunk]*ConflictError{}
	open := map[*Trunk]bool{}
	for _, s := range t.sources[""] {
		var by *Trunk
		for _, l := range listeners {
			i := slices.IndexFunc(t.sources[l], func(n source) bool {
				return n.prefix.Bits() <= s.prefix.Bits() && n.prefix.Contains(s.prefix.Addr())
			})
			if by = nil; l != "" && i >= 0 {
				by = t.sources[l][i].trunk
			}
			if by == nil {
				break
			}
		}
		if by == nil {
			open[s.trunk] = true
		} else if taken[s.trunk] == nil {
			taken[s.trunk], _ = conflict(by, s.trunk, s.prefix).(*ConflictError)
		}
	}
	for i := range t.trunks {
		if e := taken[&t.trunks[i]]; e != nil && !open[&t.trunks[i]] && len(t.trunks[i].TLSNames) == 0 {
			return e
		}
	}
	return nil
}

// Match returns the trunk of a source address on a listener, where no
// certificate has told it: one that names the listener before one that names
// none, then by the longest prefix. Nil: the source is on no trunk. It allocates
// nothing: it is asked for every datagram of anybody.
func (t *Table) Match(listener string, src netip.Addr) *Trunk {
	src = src.Unmap().WithZone("")
	if listener != "" {
		if k := longest(t.sources[listener], src); k != nil {
			return k
		}
	}
	return longest(t.sources[""], src)
}

func longest(list []source, src netip.Addr) *Trunk {
	for i := range list {
		if list[i].prefix.Contains(src) {
			return list[i].trunk
		}
	}
	return nil
}
