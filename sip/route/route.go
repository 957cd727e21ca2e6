// Package route finds where a trunk's targets are (RFC 3263, RFC 2782) and
// follows whether they answer. What it decides it decides from what it is told:
// records of the name system come through an interface, the time and chance from
// the caller. Only Resolver opens sockets.
//
//	target -> Resolve -> places -> hops of the trunk -> Watcher -> which are down
//	            ^                                          ^
//	         Records (hosts file, name servers)      answers, losses
package route

import (
	"net/netip"
	"time"

	"mask700/sip/flow"
)

// MaxPlaces bounds what one target, and one trunk, may be resolved to: the name
// system's answers are not ours.
const MaxPlaces = 32

// Place is one address that the requests for a target may be sent to.
type Place struct {
	Network  flow.Network
	Addr     netip.AddrPort
	Priority int // from 0 on without gaps; the lowest is tried first
	Weight   int // share among the places of one priority (RFC 2782); all 0: equal
}

// Reach says which versions of IP we have a listener of, by network. A network
// without any is not used, whatever the name system offers.
type Reach [flow.TLS + 1]Family

// Family is a set of IP versions.
type Family struct{ V4, V6 bool }

// Has reports whether there is a listener of a network at all.
func (r *Reach) Has(n flow.Network) bool {
	return int(n) < len(r) && (r[n].V4 || r[n].V6)
}

// Add notes a listener that is bound to an address.
func (r *Reach) Add(n flow.Network, bound netip.Addr) {
	switch {
	case int(n) >= len(r):
	case bound.Is4():
		r[n].V4 = true
	case bound.Is6():
		r[n].V6 = true
	}
}

// Times are the intervals of this package.
type Times struct {
	MinTTL, MaxTTL time.Duration // bounds of how long an answer of the name system holds
	Negative       time.Duration // until a name without an address, or without an answer, is asked for again
	Complain       time.Duration // between two log lines about one name
	Start          time.Duration // how long a start waits for names; the rest follows

	Patience time.Duration // an OPTIONS without an answer for so long is lost
	Retry    time.Duration // first interval toward a hop that is down; it doubles up to that of the watch
	Rest     time.Duration // how long a hop that is not watched stays down
	MaxDown  time.Duration // bound of what a Retry-After may ask for
}

// DefaultTimes are the intervals of a server.
func DefaultTimes() Times {
	return Times{
		MinTTL: 30 * time.Second, MaxTTL: time.Hour, Negative: 30 * time.Second, Complain: time.Minute, Start: 5 * time.Second,
		Patience: 4 * time.Second, Retry: 5 * time.Second, Rest: 30 * time.Second, MaxDown: 5 * time.Minute,
	}
}
