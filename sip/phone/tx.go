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
	ack     []byte           // of a failed INVITE of ours

	retransmit, deadline *alarm
}

// ask sends a request in a transaction of its own.
func (p *Phone) ask(c *call, r message.Request) *tx {
	kind := transaction.Client
	if r.Method == "INVITE" {
		kind = transaction.InviteClient
	}
	t := p.open(c, kind, r.Branch, r.Method)
	t.client, t.request, t.last = true, &r, p.write(r.Append(nil))
	t.step(transaction.Begin, nil)
	return t
}

// serve opens the transaction of a request that came.
func (p *Phone) serve(m *message.Message) *tx {
	kind := transaction.Server
	if m.Method == "INVITE" {
		kind = transaction.InviteServer
	}
	t := p.open(nil, kind, m.Via[0].Branch, m.Method)
	t.step(transaction.Begin, nil)
	return t
}

func (p *Phone) open(c *call, kind transaction.Kind, branch, method string) *tx {
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
func (t *tx) respond(r message.Response) {
	in := transaction.Provisional
	switch {
	case r.Status >= 300:
		in = transaction.Failure
	case r.Status >= 200:
		in = transaction.Success
	}
	t.last = t.phone.write(r.Append(nil))
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
		p.send(t.last)
	}
	if o.Do.Has(transaction.SendAck) {
		t.acknowledgeFailure(m)
	}
	if t.machine.Done() {
		p.txs = slices.DeleteFunc(p.txs, func(o *tx) bool { return o == t })
	}
	switch {
	case t.call == nil || !t.client:
	case o.Do.Has(transaction.Deliver) && m != nil:
		t.call.answered(t, m)
	case o.Do.Has(transaction.Timeout):
		t.call.unanswered(t)
	}
}

// acknowledgeFailure sends the ACK of a final response that is not a 2xx: in the
// same transaction (RFC 3261 section 17.1.1.3).
func (t *tx) acknowledgeFailure(m *message.Message) {
	if t.ack == nil {
		r := *t.request
		r.Method, r.To = "ACK", m.To.Text
		r.Contact, r.Allow, r.ContentType, r.Body = "", false, "", nil
		t.ack = t.phone.write(r.Append(nil))
	}
	t.phone.send(t.ack)
}

// write adds the phone's own header lines to a message.
func (p *Phone) write(b []byte) []byte {
	if len(p.config.Headers) == 0 || len(b) == 0 {
		return b
	}
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	for _, line := range p.config.Headers {
		head += "\r\n" + line
	}
	return []byte(head + "\r\n\r\n" + body)
}

func (p *Phone) send(b []byte) {
	if len(b) > 0 {
		p.out = append(p.out, b)
	}
}
