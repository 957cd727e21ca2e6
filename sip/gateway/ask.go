package gateway

import (
	"slices"
	"time"

	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/route"
	"mask700/sip/shard"
)

// ask sends an OPTIONS to a hop (RFC 3261 section 11.1). It names nobody: both
// ends are hosts, and its answer is looked at for nothing but its status.
func (r *router) ask(a route.Ask) {
	k := &r.trunks[a.Key.Trunk]
	i := slices.IndexFunc(k.hops, func(h call.Hop) bool { return keyOf(a.Key.Trunk, h) == a.Key })
	if i < 0 {
		return
	}
	h := k.hops[i]
	ours, theirs := h.Domain, h.Target
	if k.trunk.Domain != "" {
		ours, theirs = k.trunk.Domain, k.trunk.Domain
	}
	contact := "<sip:" + h.Host + ">"
	if h.Flow.Network != flow.UDP {
		contact = "<sip:" + h.Host + ";transport=" + h.Flow.Network.String() + ">"
	}
	request := message.Request{
		Method: "OPTIONS", Target: "sip:" + h.Target, From: "<sip:" + ours + ">", To: "<sip:" + theirs + ">", Contact: contact,
		CSeq: 1, MaxForwards: 70, AcceptSDP: true, Allow: true,
	}
	done := func(_ time.Time, m *message.Message) {
		status := 0
		if m != nil {
			status = m.Status
		}
		r.inbox.put(news{reply: &reply{a.Key, a.Number, status}})
	}
	l := r.gateway.loops[a.Number%uint64(len(r.gateway.loops))]
	l.inbox.put(item{do: func(s *shard.Shard) {
		q := request
		q.From += ";tag=" + s.Token()
		q.CallID = s.CallID()
		s.Send(time.Now(), shard.Errand{Flow: h.Flow, Host: h.Host, Request: q, Done: done})
	}})
}
