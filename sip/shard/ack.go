package shard

import (
	"net/netip"

	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/transaction"
)

// ack is the ACK of one phone's 2xx to an INVITE of ours. It is sent again whenever
// that 2xx comes again (RFC 3261 section 13.2.2.4), for as long as the transaction
// of the INVITE lasts.
type ack struct {
	tag   string // of the phone
	bytes []byte
	flow  flow.Flow
	other netip.AddrPort // as of a transaction

	passed passed // what it has been searched for
}

// maxAcks bounds the phones that one INVITE is acknowledged to: that of the call,
// and those that are released.
const maxAcks = 1 + call.MaxReleased

// acknowledge sends the ACK of a 2xx and keeps it.
func (s *Shard) acknowledge(l *live, a call.Acknowledge) {
	t := s.txs[a.Tx]
	leg := a.Request.CallID
	if t != nil {
		leg = t.leg
	}
	b, searched, _ := s.safeRequest(l, leg, &a.Request, nil)
	k := ack{tag: a.Tag, bytes: b, flow: a.Flow, other: a.Other, passed: searched}
	if t == nil {
		s.emit(k.flow, k.bytes, 0)
		return
	}
	s.keepAck(t, k)
}

// keepAck sends an ACK, and keeps it if it is the first for that phone.
func (s *Shard) keepAck(t *tx, k ack) {
	if t.machine.State == transaction.Accepted {
		t.request, t.last = nil, nil
	}
	if t.token == 0 && k.flow.Network.Reliable() {
		s.token++
		t.token = s.token
		s.tokens[t.token] = t
	}
	if len(t.acks) < maxAcks {
		t.acks = append(t.acks, k)
	}
	s.emit(k.flow, k.bytes, t.token)
}

// ackAgain sends the ACK of a phone again, and says false when it has had none.
func (s *Shard) ackAgain(t *tx, tag string) bool {
	for i := range t.acks {
		if k := &t.acks[i]; k.tag == tag {
			s.stats.Retransmitted++
			s.repeatAck(t, k)
			return true
		}
	}
	return false
}

// ackElsewhere sends the ACKs of a transaction on other connections: that of one of
// them is gone, and it is not said which.
func (s *Shard) ackElsewhere(t *tx) {
	for i := range t.acks {
		k := &t.acks[i]
		if k.flow.Conn == 0 {
			continue
		}
		k.flow.Conn = 0
		if k.other.IsValid() {
			k.flow.Remote = k.other
		}
		s.repeatAck(t, k)
	}
}

// repeatAck sends an ACK that was sent before, unless what has become known since says
// that it tells too much.
func (s *Shard) repeatAck(t *tx, k *ack) {
	if s.leaksAgain(t, &k.passed, k.bytes) {
		k.bytes = nil
		s.stop(t.owner, "", false)
		return
	}
	s.emit(k.flow, k.bytes, t.token)
}

// releaseLate takes a 2xx that no call waits for: it is acknowledged whenever it
// comes, and its phone is released once.
func (s *Shard) releaseLate(t *tx, m *message.Message) {
	if len(t.acks) >= maxAcks {
		return
	}
	r, bye, f := call.ReleaseOf(&s.env, t.via, t.offered, t.flow, m)
	theirs := &message.Echo{From: m.From.Text, To: m.To.Text, CallID: m.CallID}
	b, searched, _ := s.safeRequest(t.owner, t.leg, &r, theirs)
	s.keepAck(t, ack{tag: m.To.Tag, bytes: b, flow: f, passed: searched})
	if t.within && t.owner != nil && t.owner.call != nil {
		// A phone that has said both: its re-INVITE has failed, and the call goes on or
		// ends for a reason of its own.
		return
	}
	b, searched, clean := s.safeRequest(t.owner, t.leg, &bye, theirs)
	if !clean {
		return
	}
	last := s.open(call.ClientTx(bye.Branch, bye.Method), bye.Method, transaction.Client, f)
	if last == nil {
		s.emit(f, b, 0)
		return
	}
	last.owner, last.side, last.leg = t.owner, t.side, t.leg
	last.quiet, last.last, last.passed = true, b, searched
	s.step(last, transaction.Begin, nil)
}
