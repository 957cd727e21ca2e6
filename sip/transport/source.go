package transport

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The kernel's answers are kept this long and at most so many, since routes
// change and peers' addresses come from the network.
const (
	sourceTime  = 30 * time.Second
	sourceLimit = 4096
)

// sources remembers from which of our addresses the kernel reaches a peer.
type sources struct {
	sync.Mutex // protects known
	known      map[netip.Addr]source
}

type source struct {
	addr  netip.Addr
	until time.Time
}

func (s *sources) toward(remote netip.Addr, now time.Time) (netip.Addr, error) {
	s.Lock()
	known, ok := s.known[remote]
	s.Unlock()
	if ok && now.Before(known.until) {
		return known.addr, nil
	}
	addr, err := askKernel(remote)
	if err != nil {
		return netip.Addr{}, err
	}
	s.Lock()
	defer s.Unlock()
	if s.known == nil {
		s.known = make(map[netip.Addr]source)
	}
	if len(s.known) >= sourceLimit {
		// Whichever come first: each of them is asked for again in a moment.
		room := sourceLimit / 8
		for a, old := range s.known {
			if room--; room > 0 || !now.Before(old.until) {
				delete(s.known, a)
			}
		}
	}
	s.known[remote] = source{addr, now.Add(sourceTime)}
	return addr, nil
}

// askKernel connects a UDP socket, which sends nothing and chooses the address.
func askKernel(remote netip.Addr) (netip.Addr, error) {
	// Any port will do; routes do not look at it.
	c, err := net.DialUDP(family("udp", remote), nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(remote, 9)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("no route to %s: %w", remote, err)
	}
	defer c.Close()
	return addrPortOf(c.LocalAddr()).Addr(), nil
}
