package shard

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/transaction"
	"mask700/sip/wheel"
)

// tx is a transaction in the tables: the machine, and what it may have to send
// again.
type tx struct {
	key       call.Tx
	machine   transaction.Machine
	owner     *live
	leg       string        // Call-ID of the leg that it is with
	theirs    *message.Echo // of a request that came: what its sender has written
	passed    passed        // what has been searched
	side      call.Side
	quiet     bool
	again     bool // sent once more on another connection
	withdrawn bool // it shall be cancelled: it is not sent by another way
	flow      flow.Flow
	other     netip.AddrPort // where to try next when the connection of flow is gone
	last      []byte
	tag       string   // ours, of its responses; kept for a CANCEL that comes when the call is over
	merge     mergeKey // of the INVITE that began a call

	// Of an INVITE that we sent, until it has its final response: what its
	// CANCEL and its ACK are made of.
	request *message.Request

	// Of a request that is not answered at once and is no INVITE.
	echo *message.Echo

	ack  []byte // of its failure
	acks []ack  // of its 2xx

	narrow *datagram // it was too large for UDP

	// Of an INVITE that we sent, for phones that pick up when its call is over.
	via     string
	within  bool // a dialog: nobody else can pick up
	offered bool

	retransmit, deadline wheel.ID
	token                uint64

	done func(time.Time, *message.Message) // of an errand, until it has been called
}

// open makes the transaction of a request and puts it into the tables; nil when they
// are full. For what we end something by there is a quarter more of room.
func (s *Shard) open(key call.Tx, method string, kind transaction.Kind, f flow.Flow) *tx {
	limit := s.config.MaxTransactions
	if kind == transaction.Client && (method == "BYE" || method == "CANCEL") {
		limit += limit / 4
	}
	if len(s.txs) >= limit {
		s.stats.Overload++
		return nil
	}
	t := &tx{key: key, machine: transaction.New(kind, f.Network.Reliable()), flow: f}
	if f.Network.Reliable() {
		s.token++
		t.token = s.token
		s.tokens[t.token] = t
	}
	s.txs[key] = t
	return t
}

// step feeds a transaction and does what comes of it. m is the response that
// was received, if the step is about one.
func (s *Shard) step(t *tx, in transaction.Input, m *message.Message) {
	o := t.machine.Step(in, s.env.Config.Timers)
	s.set(t, &t.retransmit, o.Retransmit, false)
	s.set(t, &t.deadline, o.Deadline, true)
	if o.Do.Has(transaction.Send) {
		s.transmit(t, t.last)
	}
	if o.Do.Has(transaction.Resend) && t.last != nil {
		s.stats.Retransmitted++
		s.transmit(t, t.last)
	}
	if o.Do.Has(transaction.SayTrying) && t.echo != nil {
		t.last = s.writeResponse(&message.Response{Echo: *t.echo, Status: 100})
		s.transmit(t, t.last)
	}
	if o.Do.Has(transaction.SendAck) {
		s.ackFailure(t, m)
	}
	if t.machine.Done() {
		s.forget(t)
	}
	switch {
	case t.done != nil && o.Do.Has(transaction.Deliver) && m != nil && m.Status >= 200:
		s.errandOver(t, m)
		return
	case t.done != nil && o.Do&(transaction.Timeout|transaction.Failed) != 0:
		s.errandOver(t, nil)
		return
	case t.owner == nil || t.quiet:
		return
	}
	switch {
	case o.Do.Has(transaction.Deliver) && m != nil && !m.IsRequest():
		s.handle(t.owner, call.Responded{Side: t.side, Tx: t.key, Message: m})
	case o.Do&(transaction.Timeout|transaction.Failed) != 0 && isClient(t):
		s.handle(t.owner, call.Unanswered{Side: t.side, Tx: t.key})
	}
}

func isClient(t *tx) bool {
	return t.machine.Kind == transaction.Client || t.machine.Kind == transaction.InviteClient
}

// set applies a timer change of an outcome.
func (s *Shard) set(t *tx, id *wheel.ID, change time.Duration, deadline bool) {
	if change == transaction.Keep {
		return
	}
	s.timers.Stop(*id)
	*id = 0
	if change != transaction.Stop {
		*id = s.timers.Start(s.env.Now.Add(change), timerKey{tx: t, deadline: deadline})
	}
}

// forget takes an ended transaction out of the tables.
func (s *Shard) forget(t *tx) {
	s.timers.Stop(t.retransmit)
	s.timers.Stop(t.deadline)
	if s.txs[t.key] == t {
		delete(s.txs, t.key)
	}
	delete(s.tokens, t.token)
	if t.merge != (mergeKey{}) {
		delete(s.merged, t.merge)
	}
}

// transmit sends a message of a transaction, unless it tells too much.
func (s *Shard) transmit(t *tx, b []byte) {
	if len(b) == 0 {
		return
	}
	if s.leaks(t, b) {
		t.last = nil // nor is it repeated
		s.stop(t.owner, "", false)
		return
	}
	s.emit(t.flow, b, t.token)
}

// emit is the one place where bytes leave. What is of a call has been searched by
// then: see leaks.
func (s *Shard) emit(f flow.Flow, b []byte, token uint64) {
	if len(b) == 0 {
		return
	}
	s.out = append(s.out, Output{Send: Send{Flow: f, Bytes: b, Token: token}})
}

// write composes a message into bytes of its own.
func (s *Shard) writeRequest(r *message.Request) []byte {
	s.scratch = r.Append(s.scratch[:0])
	return append([]byte(nil), s.scratch...)
}

func (s *Shard) writeResponse(r *message.Response) []byte {
	s.scratch = r.Append(s.scratch[:0])
	return append([]byte(nil), s.scratch...)
}

// respond sends a call's response through its server transaction.
func (s *Shard) respond(a call.Respond) {
	t := s.txs[a.Tx]
	if t == nil {
		return
	}
	in := transaction.Provisional
	switch {
	case a.Response.Status >= 300:
		in = transaction.Failure
	case a.Response.Status >= 200:
		in = transaction.Success
		if t.machine.Kind == transaction.InviteServer && t.machine.State == transaction.Proceeding {
			s.stats.Answered++
		}
	}
	b := s.writeResponse(&a.Response)
	if s.leaks(t, b) {
		if t.merge != (mergeKey{}) && in != transaction.Failure && t.machine.Kind == transaction.InviteServer {
			s.stop(t.owner, t.key, false) // the call answers it otherwise
			return
		}
		if in == transaction.Provisional {
			s.stop(t.owner, "", false)
			return
		}
		b, in = s.safeResponse(t, a.Response.ToTag), transaction.Failure
		s.stop(t.owner, t.key, true)
	}
	t.last = b
	if a.Response.ToTag != "" {
		t.tag = a.Response.ToTag
	}
	s.step(t, in, nil)
}

// ask opens a client transaction for a call's request.
func (s *Shard) ask(l *live, a call.Ask) {
	kind := transaction.Client
	if a.Request.Method == "INVITE" {
		kind = transaction.InviteClient
	}
	leg := l.call.CallID(a.Side)
	b, searched, clean := s.safeRequest(l, leg, &a.Request, nil)
	if !clean {
		s.stop(l, "", false)
		s.pending = append(s.pending, pending{l, call.Unanswered{Side: a.Side, Tx: a.Tx, Full: true}})
		return
	}
	f, r, b, narrow := s.widen(a.Flow, a.Request, b)
	t := s.open(a.Tx, a.Request.Method, kind, f)
	if t == nil {
		if a.Request.Method == "BYE" {
			s.emit(f, b, 0) // once is better than never
		}
		s.pending = append(s.pending, pending{l, call.Unanswered{Side: a.Side, Tx: a.Tx, Full: true}})
		return
	}
	t.owner, t.side, t.leg = l, a.Side, leg
	t.last, t.narrow, t.other, t.passed = b, narrow, a.Other, searched
	if kind == transaction.InviteClient {
		t.request, t.via, t.offered = short(r), r.Via, len(a.Request.Body) > 0
		t.within = strings.Contains(r.To, ";tag=")
	}
	s.step(t, transaction.Begin, nil)
}

// cancel sends the CANCEL of a pending INVITE: its Request-URI, Via, From, To,
// Call-ID, Route and CSeq number (section 9.1).
func (s *Shard) cancel(a call.Cancel) {
	t := s.txs[a.Tx]
	if t == nil || t.request == nil {
		return
	}
	r := s.shortOf(t.request, "CANCEL")
	r.Q850 = a.Q850
	leakCancel(t, &r)
	b, searched, clean := s.safeRequest(t.owner, t.leg, &r, nil)
	if !clean {
		return // it ends by itself
	}
	c := s.open(call.ClientTx(r.Branch, "CANCEL"), "CANCEL", transaction.Client, t.flow)
	if c == nil {
		s.emit(t.flow, b, 0)
		return
	}
	c.quiet, c.other = true, t.other
	c.owner, c.side, c.leg = t.owner, t.side, t.leg
	c.last, c.passed = b, searched
	s.step(c, transaction.Begin, nil)
}

// shortOf is a request that belongs to the transaction of another.
func (s *Shard) shortOf(r *message.Request, method string) message.Request {
	return message.Request{
		Method: method, Target: r.Target, Via: r.Via, Branch: r.Branch, Route: r.Route,
		From: r.From, To: r.To, CallID: r.CallID, CSeq: r.CSeq, MaxForwards: 70,
	}
}

// ackFailure acknowledges a final response that is not a 2xx (section
// 17.1.1.3), and again when it is repeated.
func (s *Shard) ackFailure(t *tx, m *message.Message) {
	if t.request != nil && m != nil {
		r := s.shortOf(t.request, "ACK")
		r.To = m.To.Text
		t.ack, t.passed, _ = s.safeRequest(t.owner, t.leg, &r, nil)
		t.request, t.last = nil, nil
	}
	if s.leaks(t, t.ack) {
		t.ack = nil
		s.stop(t.owner, "", false)
		return
	}
	s.emit(t.flow, t.ack, 0)
}

// serverKey is how a request finds its server transaction (section 17.2.3); an
// ACK and a CANCEL find the INVITE's by its method.
func serverKey(m *message.Message, method string) call.Tx {
	v := &m.Via[0]
	key := make([]byte, 0, 96)
	if len(v.Branch) > len(cookie) && v.Branch[:len(cookie)] == cookie {
		key = append(key, v.Branch...)
		key = append(key, ' ')
		key = append(key, v.Host...)
		key = append(key, ':')
		key = strconv.AppendInt(key, int64(v.Port), 10)
	} else {
		// RFC 2543: no branch that would tell transactions apart.
		key = append(key, "2543 "...)
		key = append(key, m.CallID...)
		key = append(key, ' ')
		key = append(key, m.From.Tag...)
		key = append(key, ' ')
		key = strconv.AppendUint(key, uint64(m.CSeq), 10)
		key = append(key, ' ')
		key = append(key, v.Text...)
	}
	key = append(key, " <"...)
	key = append(key, method...)
	return call.Tx(key)
}

// cookie begins every branch of RFC 3261.
const cookie = "z9hG4bK"
