package phone

import (
	"slices"
	"strings"

	"mask700/sip/message"
	"mask700/sip/transaction"
)

// tx is one transaction of a phone.
type tx struct {
	phone   *Phone
	call    *call // nil: none of a call
	branch  string
	method  string
	client  bool
	machine transaction.Machine
	last    []byte           // to be sent again
	request *message.Request // of a client
	then    func(*message.Message)
	mute    int               // so many copies do not leave
	sent    int               // so many have
	ack     []byte            // of a failed INVITE of ours
	acks    map[string][]byte // of its 2xx, by To tag

	retransmit, deadline *alarm
}

// open makes the transaction of a request of ours. then gets the final response,
// nil when none came; an INVITE's responses are its call's.
func (p *Phone) open(c *call, r message.Request, then func(*message.Message), lines ...string) *tx {
	kind := transaction.Client
	if r.Method == "INVITE" {
		kind = transaction.InviteClient
	}
	t := p.track(c, kind, r.Branch, r.Method)
	t.client, t.request, t.then, t.last = true, &r, then, p.write(r.Append(nil), lines...)
	return t
}

func (t *tx) begin() { t.step(transaction.Begin, nil) }

// serve opens the transaction of a request that came.
func (p *Phone) serve(m *message.Message) *tx {
	kind := transaction.Server
	if m.Method == "INVITE" {
		kind = transaction.InviteServer
	}
	t := p.track(nil, kind, m.Via[0].Branch, m.Method)
	t.begin()
	return t
}

func (p *Phone) track(c *call, kind transaction.Kind, branch, method string) *tx {
	t := &tx{phone: p, call: c, branch: branch, method: method,
		machine: transaction.New(kind, p.config.Network.Reliable())}
	p.txs = append(p.txs, t)
	return t
}

func (p *Phone) find(client bool, branch, method string) *tx {
	for _, t := range p.txs {
		if t.client == client && t.branch == branch && t.method == method {
			return t
		}
	}
	return nil
}

// respond answers the request of a server transaction.
func (t *tx) respond(r message.Response, lines ...string) {
	in := transaction.Provisional
	switch {
	case r.Status >= 300:
		in = transaction.Failure
	case r.Status >= 200:
		in = transaction.Success
	}
	t.last = t.phone.write(r.Append(nil), lines...)
	t.step(in, nil)
}

// step feeds the machine and does what it says. m is the response that came,
// if one did.
func (t *tx) step(in transaction.Input, m *message.Message) {
	p := t.phone
	o := t.machine.Step(in, p.config.Timers)
	if o.Retransmit != transaction.Keep {
		t.retransmit.stop()
	}
	if o.Retransmit > 0 {
		t.retransmit = p.after(o.Retransmit, func() { t.step(transaction.RetransmitAt, nil) })
	}
	if o.Deadline != transaction.Keep {
		t.deadline.stop()
	}
	if o.Deadline > 0 {
		t.deadline = p.after(o.Deadline, func() { t.step(transaction.DeadlineAt, nil) })
	}
	if o.Do&(transaction.Send|transaction.Resend) != 0 {
		if t.mute > 0 {
			t.mute--
		} else {
			t.sent++
			p.send(t.last)
		}
	}
	if o.Do.Has(transaction.SendAck) {
		t.acknowledgeFailure(m)
	}
	if t.machine.Done() {
		p.txs = slices.DeleteFunc(p.txs, func(o *tx) bool { return o == t })
	}
	if t.client {
		t.tell(o.Do, m)
	}
}

// tell says what has come of a request of ours.
func (t *tx) tell(do transaction.Do, m *message.Message) {
	delivered, lost := do.Has(transaction.Deliver) && m != nil, do.Has(transaction.Timeout)
	switch {
	case t.method == "INVITE" && delivered:
		t.call.answered(t, m)
	case t.method == "INVITE" && lost:
		t.call.unanswered(t)
	case t.then == nil:
	case delivered && m.Status >= 200:
		t.then(m)
	case lost:
		t.then(nil)
	}
}

// acknowledgeFailure sends the ACK of a final response that is not a 2xx: in the
// same transaction (RFC 3261 section 17.1.1.3).
func (t *tx) acknowledgeFailure(m *message.Message) {
	if t.ack == nil {
		r := message.Request{
			Method: "ACK", Target: t.request.Target, Via: t.request.Via, Branch: t.branch, Route: t.request.Route,
			From: t.request.From, To: m.To.Text, CallID: t.request.CallID, CSeq: t.request.CSeq, MaxForwards: 70,
		}
		t.ack = t.phone.write(r.Append(nil))
	}
	t.phone.send(t.ack)
}

// write adds the phone's own header lines to a message, and to Allow what it
// serves.
func (p *Phone) write(b []byte, lines ...string) []byte {
	if len(b) == 0 {
		return b
	}
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	if m := p.methods(); m != message.Methods {
		head = strings.Replace(head, "\r\nAllow: "+message.Methods, "\r\nAllow: "+m, 1)
	}
	for _, line := range p.config.Headers {
		head += "\r\n" + line
	}
	for _, line := range lines {
		head += "\r\n" + line
	}
	return []byte(head + "\r\n\r\n" + body)
}

// methods are those that the phone serves, as Allow lists them.
func (p *Phone) methods() string {
	m := message.Methods
	if p.config.Behaviour.NoUpdate {
		m = strings.Replace(m, ", UPDATE", "", 1)
	}
	if p.config.Behaviour.Reliable == Off {
		m = strings.Replace(m, ", PRACK", "", 1)
	}
	return m
}

func (p *Phone) send(b []byte) {
	if len(b) > 0 {
		p.out = append(p.out, b)
	}
}
