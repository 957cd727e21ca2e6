package route

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"mask700/sip/flow"
)

// Records is the name system. Names that come from an answer end in a dot, as
// nothing may be added to them. Neither a name that does not exist nor one
// without such records is an error: the list is empty then. An error says that
// it is not known.
type Records interface {
	// Hosts are the addresses in the hosts file, which needs no server.
	Hosts(ctx context.Context, name string) []netip.Addr
	NAPTR(ctx context.Context, name string) ([]NAPTR, time.Duration, error)
	SRV(ctx context.Context, name string) ([]SRV, time.Duration, error)
	// Addresses are those of one version of IP.
	Addresses(ctx context.Context, name string, v6 bool) ([]netip.Addr, time.Duration, error)
}

// NAPTR is a record that names a service of a domain (RFC 3403 section 4.1).
type NAPTR struct {
	Order, Preference       int
	Flags, Service, Replace string
}

// SRV is a record that names a host of a service (RFC 2782).
type SRV struct {
	Priority, Weight int
	Port             uint16
	Host             string // "." says that there is no such service
}

// errUnknown is for places that might be there if more could be asked.
var errUnknown = errors.New("some of its records could not be had")

// service is the network of a NAPTR service field (RFC 3263 section 4.1).
func service(field string) (flow.Network, bool) {
	switch field {
	case "SIP+D2U":
		return flow.UDP, true
	case "SIP+D2T":
		return flow.TCP, true
	case "SIPS+D2T":
		return flow.TLS, true
	}
	return 0, false
}

// serviceName is where the SRV records of a network stand (RFC 3263 section
// 4.1).
func serviceName(n flow.Network, host string) string {
	switch n {
	case flow.TCP:
		return "_sip._tcp." + host
	case flow.TLS:
		return "_sips._tcp." + host
	default:
		return "_sip._udp." + host
	}
}
