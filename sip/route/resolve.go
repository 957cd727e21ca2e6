package route

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mask700/sip/flow"
	"mask700/sip/trunk"
)

// Answer is what a target was resolved to.
type Answer struct {
	Places []Place       // the best first, at most MaxPlaces
	TTL    time.Duration // how long the records say that it holds; 0: they do not
}

// maxQuestions bounds what one target may cost, whatever answers lead to.
const maxQuestions = 100

// alone is the weight of a host without SRV records: its addresses share equally.
const alone = 1

// ours is the order in which networks are tried when the domain has none.
var ours = [...]flow.Network{flow.UDP, flow.TCP, flow.TLS}

// Resolve finds the places of a target by RFC 3263 section 4: an address is what
// it says; a name with a port has addresses; a transport alone has SRV records;
// with neither, NAPTR records say which transports the domain wants. Each step
// that finds nothing leads to the next. What no listener of ours reaches is left
// out. No place and no error: there is none.
func Resolve(ctx context.Context, records Records, t trunk.Target, reach Reach) (Answer, error) {
	s := search{ctx: ctx, records: records, reach: reach}
	switch {
	case t.Addr.IsValid():
		s.place([]netip.Addr{t.Addr.Addr()}, t.Addr.Port(), t.Network, rank{}, alone)
		return s.answer()
	case s.inHosts(t):
		return s.answer()
	case t.Port != 0:
		s.addresses(t.Host, uint16(t.Port), t.Network, rank{}, alone)
		return s.answer()
	}
	networks := s.networks(t)
	if t.Any && !s.domain(t, networks) {
		return Answer{}, s.err
	}
	// What is not known must not be taken for none: the domain may have said TLS.
	if len(s.found) == 0 && s.err == nil {
		networks = s.services(t.Host, networks)
	}
	if len(s.found) == 0 && s.err == nil && len(networks) > 0 {
		s.addresses(t.Host, networks[0].DefaultPort(), networks[0], rank{}, alone)
	}
	return s.answer()
}

// search is the state of one Resolve.
type search struct {
	ctx     context.Context
	records Records
	reach   Reach
	asked   int
	found   []found
	ttl     time.Duration
	err     error // of a question that had no answer
}

// found is a place before places are numbered.
type found struct {
	Place
	rank rank
}

// rank orders places: by the service, then by the priority of the SRV record.
type rank struct{ service, priority int }

// networks are those that a target without a port may be reached by.
func (s *search) networks(t trunk.Target) []flow.Network {
	var out []flow.Network
	for _, n := range ours {
		// sips: is TLS or nothing; a transport that is written is that one.
		if s.reach.Has(n) && (n == t.Network || t.Any && t.Network != flow.TLS) {
			out = append(out, n)
		}
	}
	return out
}

// inHosts looks into the hosts file, which has the first word, and the last, as
// for any other program.
func (s *search) inHosts(t trunk.Target) bool {
	port, network := uint16(t.Port), t.Network
	if networks := s.networks(t); t.Any && port == 0 && len(networks) > 0 {
		network = networks[0]
	}
	if port == 0 {
		port = network.DefaultPort()
	}
	list := s.records.Hosts(s.ctx, t.Host)
	s.place(list, port, network, rank{}, alone)
	return len(list) > 0
}

// domain follows the NAPTR records of a target (section 4.1) and reports whether
// the search may go on.
func (s *search) domain(t trunk.Target, networks []flow.Network) bool {
	list, ttl, err := ask(s, func() ([]NAPTR, time.Duration, error) { return s.records.NAPTR(s.ctx, t.Host) })
	if err != nil {
		return false
	}
	list = slices.DeleteFunc(list, func(r NAPTR) bool {
		n, ok := service(strings.ToUpper(r.Service))
		// Without the flag the record leads to more of its kind, not to SRV.
		return !ok || !slices.Contains(networks, n) || !strings.EqualFold(r.Flags, "s") || r.Replace == ""
	})
	slices.SortStableFunc(list, func(a, b NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for i, r := range list[:min(len(list), MaxPlaces)] {
		s.hold(ttl)
		n, _ := service(strings.ToUpper(r.Service))
		s.hosts(r.Replace, n, i)
	}
	return true
}

// services asks for the SRV records of each network and returns the networks
// that the domain does not deny.
func (s *search) services(host string, networks []flow.Network) []flow.Network {
	var left []flow.Network
	for i, n := range networks {
		if !s.hosts(serviceName(n, host), n, i) {
			left = append(left, n)
		}
	}
	return left
}

// hosts follows the SRV records of a name and reports whether they say that
// there is no such service (RFC 2782, target ".").
func (s *search) hosts(name string, n flow.Network, service int) (denied bool) {
	list, ttl, err := ask(s, func() ([]SRV, time.Duration, error) { return s.records.SRV(s.ctx, name) })
	if err != nil || len(list) == 0 {
		return false
	}
	s.hold(ttl)
	if len(list) == 1 && list[0].Host == "." {
		return true
	}
	slices.SortStableFunc(list, func(a, b SRV) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, r := range list[:min(len(list), MaxPlaces)] {
		if r.Host != "." && r.Port != 0 {
			s.addresses(r.Host, r.Port, n, rank{service, r.Priority}, r.Weight)
		}
	}
	return false
}

// addresses adds the places of a host: in the hosts file, else A and AAAA.
func (s *search) addresses(host string, port uint16, n flow.Network, r rank, weight int) {
	if !s.reach.Has(n) || len(s.found) >= MaxPlaces {
		return
	}
	list := s.records.Hosts(s.ctx, host)
	if len(list) == 0 {
		for _, v6 := range []bool{false, true} {
			if v6 && !s.reach[n].V6 || !v6 && !s.reach[n].V4 {
				continue
			}
			some, ttl, err := ask(s, func() ([]netip.Addr, time.Duration, error) { return s.records.Addresses(s.ctx, host, v6) })
			if err == nil && len(some) > 0 {
				s.hold(ttl)
				list = append(list, some...)
			}
		}
	}
	s.place(list, port, n, r, weight)
}

// place adds the addresses of one host that a listener of ours reaches. The
// weight is the host's, so that its addresses share it; it is scaled to stay
// whole.
func (s *search) place(list []netip.Addr, port uint16, n flow.Network, r rank, weight int) {
	var usable []netip.Addr
	for _, a := range list {
		a = a.Unmap()
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || slices.Contains(usable, a) {
			continue
		}
		if s.reach.Has(n) && (a.Is4() && s.reach[n].V4 || a.Is6() && s.reach[n].V6) {
			usable = append(usable, a)
		}
	}
	usable = usable[:min(len(usable), MaxPlaces)]
	for _, a := range usable {
		s.add(found{Place{Network: n, Addr: netip.AddrPortFrom(a, port), Weight: weight * MaxPlaces / len(usable)}, r})
	}
}

func (s *search) add(f found) {
	same := func(o found) bool { return o.Network == f.Network && o.Addr == f.Addr }
	if len(s.found) < MaxPlaces && !slices.ContainsFunc(s.found, same) {
		s.found = append(s.found, f)
	}
}

// hold notes how long a record that was used holds.
func (s *search) hold(ttl time.Duration) {
	// A TTL of 0 is "do not keep it", which is not the zero of "none was used".
	if ttl = max(ttl, 1); s.ttl == 0 || ttl < s.ttl {
		s.ttl = ttl
	}
}

// ask counts a question, and notes that it had no answer.
func ask[T any](s *search, question func() (T, time.Duration, error)) (list T, ttl time.Duration, err error) {
	if s.asked++; s.asked > maxQuestions {
		err = errUnknown
	} else {
		list, ttl, err = question()
	}
	if err != nil {
		s.err = err
	}
	return list, ttl, err
}

// answer numbers the places. What could not be asked is no error beside places
// that were found, but then they hold only for as long as a failure does.
func (s *search) answer() (Answer, error) {
	if len(s.found) == 0 {
		return Answer{}, s.err
	}
	if s.err != nil {
		s.ttl = 1
	}
	slices.SortStableFunc(s.found, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.rank.service, b.rank.service), cmp.Compare(a.rank.priority, b.rank.priority))
	})
	a := Answer{TTL: s.ttl}
	number := 0
	for i, f := range s.found {
		if i > 0 && f.rank != s.found[i-1].rank {
			number++
		}
		f.Priority = number
		a.Places = append(a.Places, f.Place)
	}
	return a, nil
}
