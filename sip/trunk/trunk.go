// Package trunk knows the peers that calls come from and go to: which trunk a
// packet belongs to, where a trunk says who is calling, and how numbers and URIs
// are written toward it.
package trunk

import (
	"errors"
	"net/netip"

	"mask700/binding"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// CallerField is a header in which a trunk says who is calling.
type CallerField string

// The headers of Trunk.Caller.
const (
	PAI  CallerField = "pai"  // P-Asserted-Identity (RFC 3325)
	RPID CallerField = "rpid" // Remote-Party-ID
	From CallerField = "from"
)

// Values of Trunk.Identity.
const (
	IdentityNone = "none"
	IdentityPAI  = "pai"
	IdentityRPID = "rpid"
)

// Values of Trunk.EarlyMedia.
const (
	EarlyPass    = "pass"
	EarlyRinging = "ringing" // 18x go up as 180 without a description
)

// Trunk is one peer: a softswitch, a carrier.
type Trunk struct {
	Index      int
	Name       string
	Sources    []netip.Prefix
	Targets    []Target // in order; their addresses are sources too
	RouteTo    string   // name of the trunk that carries the other leg; "": this one
	Listen     string   // name of the listener toward it
	Media      string   // name of the media pool toward it
	Caller     []CallerField
	Numbers    binding.Format
	Prefix     string // digits in front of a subscriber number
	UserPhone  bool
	Domain     string // host of From, To and identity headers
	Identity   string // none, pai, rpid
	EarlyMedia string // pass, ringing
	Pass       string // name of the trunk for calls to anything but a 700 number; "": none
}

// Validate reports what is wrong with the trunk, in one sentence.
func (t *Trunk) Validate() error { return nil }

// ReadCaller finds who is calling.
func (t *Trunk) ReadCaller(p binding.Plan, m *message.Message) (binding.Number, bool) {
	n, err := p.ParseNumber(m.From.URI.User)
	return n, err == nil
}

// ReadDialled reads the 700 number called, from the user of the Request-URI
// alone. Its errors are those of [binding.Plan.ParseX].
func ReadDialled(p binding.Plan, target message.URI) (binding.X, error) {
	return p.ParseX(target.User)
}

// CalleeURI writes the URI of a subscriber at host, which is "host" or
// "host:port".
func (t *Trunk) CalleeURI(p binding.Plan, n binding.Number, host string) string {
	return "sip:" + t.Prefix + p.Format(n, t.Numbers) + "@" + host
}

// ShownURI writes the URI of a 700 number at host, in national form.
func (t *Trunk) ShownURI(p binding.Plan, x binding.X, host string) string {
	return "sip:" + x.String() + "@" + host
}

// Target is a place that requests are sent to.
type Target struct {
	Host    string // name or address, IPv6 without brackets
	Port    int    // 0: the transport's own
	Network flow.Network
	Addr    netip.AddrPort // resolved; zero until then
}

// ParseTarget reads "sip:192.0.2.10:5060;transport=udp".
func ParseTarget(s string) (Target, error) { return Target{}, errors.ErrUnsupported }
