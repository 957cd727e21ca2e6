package shard

import (
	"time"

	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/transaction"
)

// Errand is a request of ours that belongs to no call: an OPTIONS that asks
// whether a target lives, a REGISTER. Via and Branch are filled in.
type Errand struct {
	Flow    flow.Flow
	Host    string // our host:port, for Via; "": as the flow says
	Request message.Request
	// Done gets the final response, or nil when there was none: a timeout, a
	// connection that failed, no room. It is called once, from within the shard's
	// loop, and may give the shard another errand.
	Done func(now time.Time, m *message.Message)
}

// Send sends a request outside of any call in a transaction of its own.
func (s *Shard) Send(now time.Time, e Errand) {
	s.env.Now = now
	host := e.Host
	if host == "" {
		host = s.host(e.Flow)
	}
	r := e.Request
	r.Via = "SIP/2.0/" + e.Flow.Network.Via() + " " + host
	r.Branch = s.env.Mint.Branch()
	t := s.open(call.ClientTx(r.Branch, r.Method), r.Method, transaction.Client, e.Flow)
	if t == nil {
		e.Done(now, nil)
		return
	}
	t.done = e.Done
	t.last = s.writeRequest(&r)
	s.step(t, transaction.Begin, nil)
}

// errandOver tells who sent an errand how it went, once.
func (s *Shard) errandOver(t *tx, m *message.Message) {
	done := t.done
	t.done = nil
	done(s.env.Now, m)
}

// Reroute replaces the ways to a trunk's targets, for calls that begin from now
// on.
func (s *Shard) Reroute(trunk int, hops []call.Hop) {
	c := *s.config.Call
	c.Hops = append([][]call.Hop(nil), c.Hops...)
	c.Hops[trunk] = hops
	s.Reload(&c)
}

// Token mints a token of this shard's: a Call-ID or a tag of an errand.
func (s *Shard) Token() string { return s.env.Mint.Token() }

// CallID mints a Call-ID of this shard's, for an errand: its responses come back
// to this shard.
func (s *Shard) CallID() string { return s.env.Mint.CallID() }
