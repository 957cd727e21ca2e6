package shard

import (
	"net/netip"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/transaction"
)

// known are the extensions that this program knows. It is never written to.
var known = []string{"100rel", "timer"}

// retryAfter is what a refused caller is told to wait, in seconds.
const retryAfter = 5

// Receive takes a message of a trunk.
func (s *Shard) Receive(now time.Time, in Inbound) {
	s.env.Now = now
	m := in.Message
	switch {
	case m == nil || len(m.Via) == 0:
		s.stats.Faulty++
	case !m.IsRequest():
		s.response(m)
	case m.Method == "ACK":
		s.ack(in)
	default:
		s.request(in)
	}
	s.settle()
}

// response takes a response: it belongs to a transaction of ours or to nobody.
func (s *Shard) response(m *message.Message) {
	t := s.txs[call.ClientTx(m.Via[0].Branch, m.Method)]
	if t == nil || !isClient(t) || len(m.Via) != 1 {
		s.stats.Stray++
		return
	}
	if t.owner != nil {
		s.learn(t.owner, t.leg, m)
	}
	switch {
	case m.Status < 200:
		s.step(t, transaction.Provisional, m)
	case m.Status >= 300:
		s.step(t, transaction.Failure, m)
	case s.ackAgain(t, m.To.Tag):
	case t.machine.Kind == transaction.InviteClient && (t.machine.State == transaction.Completed ||
		t.machine.State == transaction.Accepted && (t.owner == nil || t.owner.call == nil)):
		s.releaseLate(t, m)
	default:
		s.step(t, transaction.Success, m)
	}
}

// ack takes an ACK: of a final response through its transaction, of a 2xx
// through its dialog, whichever branch it wears.
func (s *Shard) ack(in Inbound) {
	m := in.Message
	t := s.txs[serverKey(m, "INVITE")]
	if t != nil && t.machine.State != transaction.Accepted {
		s.step(t, transaction.Ack, nil)
		return
	}
	if d, ok := s.dialogs[dialogKey{m.CallID, m.To.Tag}]; ok && in.Fault == nil {
		s.learn(d.live, m.CallID, m)
		s.handle(d.live, call.Requested{Side: d.side, Message: m})
		return
	}
	if m.To.Tag == s.statelessTag(m) {
		return // of a final response that was given without keeping any state
	}
	s.stats.Stray++
}

// statelessTag is our tag in a response that is given without keeping state.
func (s *Shard) statelessTag(m *message.Message) string {
	return s.config.Router.Tag(m.CallID, m.From.Tag, m.Via[0].Branch)
}

// request takes any other request.
func (s *Shard) request(in Inbound) {
	m := in.Message
	key := serverKey(m, m.Method)
	if t := s.txs[key]; t != nil {
		s.stats.Repeated++
		t.follow(in)
		s.step(t, transaction.Repeat, nil)
		return
	}
	if s.challenged(in) {
		return
	}
	texts := s.env.Config.Texts.On && m.Method == "MESSAGE" && m.To.Tag == ""
	switch {
	case in.Fault != nil && (m.Method != "INVITE" && !texts || m.To.Tag != ""):
		if m.Method == "MESSAGE" && m.To.Tag == "" {
			in.Fault = nil // whatever is in it
			s.answer(in, s.outside(m.Method))
			return
		}
		s.stats.Faulty++
		s.answer(in, faultResponse(in.Fault))
	case m.Method == "CANCEL":
		s.cancelled(in, key)
	case m.To.Tag != "":
		s.inDialog(in, key)
	case m.Method == "INVITE", texts:
		s.invite(in, key)
	default:
		s.answer(in, s.outside(m.Method))
	}
}

// outside is the answer to a request that is not part of a dialog and begins
// none.
func (s *Shard) outside(method string) message.Response {
	switch method {
	case "OPTIONS":
		if s.draining {
			return message.Response{Status: 503, RetryAfter: retryAfter}
		}
		texts := s.env.Config.Texts.On
		return message.Response{Status: 200, Allow: true, AllowText: texts, AcceptSDP: true, AcceptText: texts, Supported: known}
	case "BYE", "UPDATE", "PRACK", "INFO", "NOTIFY":
		return message.Response{Status: 481}
	case "MESSAGE", "REGISTER", "SUBSCRIBE", "PUBLISH", "REFER":
		return message.Response{Status: 405, Allow: true, AllowText: s.env.Config.Texts.On}
	}
	return message.Response{Status: 501, Allow: true, AllowText: s.env.Config.Texts.On}
}

// faultResponse is the answer to a request that is not as it should be.
func faultResponse(f *message.Fault) message.Response {
	r := message.Response{Status: f.Status, Unsupported: f.Unsupported}
	if f.Status == 415 {
		r.AcceptSDP = true
	}
	return r
}

// answer responds without keeping any state: a repetition of the request gets
// the same bytes again (section 8.2.7).
func (s *Shard) answer(in Inbound, r message.Response) {
	if r.Status == 0 {
		return
	}
	m := in.Message
	r.Echo = in.echo()
	r.ToTag = s.statelessTag(m)
	s.emit(back(in), s.writeResponse(&r), 0)
}

// back is the way of a response (section 18.2.2, RFC 3581 section 4): on a
// stream the same connection; on UDP the address that the request came from,
// and its port only if the peer asked for that.
func back(in Inbound) flow.Flow {
	f := in.Flow
	v := &in.Message.Via[0]
	if f.Network == flow.UDP && !v.RPort {
		f.Remote = withPort(f, v.Port)
	}
	return f
}

// serve opens the server transaction of a request.
func (s *Shard) serve(in Inbound, key call.Tx, kind transaction.Kind) *tx {
	t := s.open(key, in.Message.Method, kind, back(in))
	if t == nil {
		return nil
	}
	t.other = withPort(in.Flow, in.Message.Via[0].Port)
	echo := in.echo()
	t.theirs = &echo
	s.step(t, transaction.Begin, nil)
	return t
}

// follow turns the responses of a transaction to the connection that its request came
// again on: the first is gone for its sender.
func (t *tx) follow(in Inbound) {
	if in.Flow.Conn != 0 && in.Flow.Network == t.flow.Network && in.Flow.Remote.Addr() == t.flow.Remote.Addr() {
		t.flow = in.Flow
	}
}

// invite takes an INVITE that would begin a call, or a MESSAGE that is a text.
func (s *Shard) invite(in Inbound, key call.Tx) {
	m := in.Message
	if _, ok := s.merged[mergeKey{m.CallID, m.From.Tag, m.CSeq}]; ok {
		s.answer(in, message.Response{Status: 482})
		return
	}
	// A call over the bound is refused and recorded like any other; when even the
	// refused ones pile up they are turned away without keeping anything.
	var t *tx
	if len(s.calls) < s.config.MaxCalls+s.config.MaxCalls/8+1 {
		kind := transaction.InviteServer
		if m.Method == "MESSAGE" {
			kind = transaction.Server
		}
		t = s.serve(in, key, kind)
	} else {
		s.stats.Overload++
	}
	if t == nil {
		s.answer(in, message.Response{Status: 503, RetryAfter: retryAfter, Q850: 42})
		return
	}
	switch {
	case in.Fault != nil:
		s.begin(in, t, "", "", &call.Final{Status: in.Fault.Status, Unsupported: in.Fault.Unsupported})
	case s.config.Router.Own(m.CallID):
		// It is ours, and has come back to us (section 16.3).
		s.begin(in, t, cdr.EndLoop, "", &call.Final{Status: 482})
	case s.draining, len(s.calls) >= s.config.MaxCalls:
		if !s.draining {
			s.stats.Overload++
		}
		s.begin(in, t, "", binding.RefusalOverload, &call.Final{Status: 503, RetryAfter: retryAfter, Q850: 42})
	default:
		s.begin(in, t, "", "", nil)
	}
}

// cancelled takes a CANCEL: it is answered by itself, and ends an INVITE that
// has no final answer yet (section 9.2).
func (s *Shard) cancelled(in Inbound, key call.Tx) {
	t := s.txs[serverKey(in.Message, "INVITE")]
	if t == nil || t.owner == nil {
		s.answer(in, message.Response{Status: 481})
		return
	}
	c := s.serve(in, key, transaction.Server)
	if c == nil {
		return
	}
	tag := t.tag
	if tag == "" {
		tag = t.owner.dialogs[t.side].tag
	}
	s.respond(call.Respond{Tx: key, Response: message.Response{Echo: in.echo(), Status: 200, ToTag: tag}})
	if t.machine.State == transaction.Proceeding && t.owner.call != nil {
		s.handle(t.owner, call.Cancelled{Tx: t.key})
	}
}

// inDialog takes a request for one of our dialogs.
func (s *Shard) inDialog(in Inbound, key call.Tx) {
	m := in.Message
	d, ok := s.dialogs[dialogKey{m.CallID, m.To.Tag}]
	if !ok {
		s.answer(in, message.Response{Status: 481})
		return
	}
	kind := transaction.Server
	if m.Method == "INVITE" {
		kind = transaction.InviteServer
	}
	t := s.serve(in, key, kind)
	if t == nil {
		s.answer(in, message.Response{Status: 503, RetryAfter: retryAfter})
		return
	}
	t.owner, t.side, t.leg = d.live, d.side, m.CallID
	s.learn(d.live, m.CallID, m)
	ev := call.Requested{Side: d.side, Tx: key, Message: m, Echo: *t.theirs}
	if in.Trunk != nil && in.Trunk.Index == d.live.trunks[d.side] {
		ev.Flow = in.Flow
	}
	s.handle(d.live, ev)
	if t.machine.State == transaction.Trying {
		e := ev.Echo
		t.echo = &e
	}
}

// withPort is a flow's remote address with another port; 0 means the
// network's own.
func withPort(f flow.Flow, port int) netip.AddrPort {
	if port <= 0 || port > 65535 {
		port = int(f.Network.DefaultPort())
	}
	return netip.AddrPortFrom(f.Remote.Addr(), uint16(port))
}
