package phone

import (
	"slices"

	"mask700/sip/flow"
	"mask700/sip/message"
)

// dialog is one dialog of a call (RFC 3261 section 12). A call that came in has
// one; one of ours has as many as there are To tags in the responses.
type dialog struct {
	call   *call
	remote string // tag; "": no response has begun it yet
	from   string // of our requests
	to     string
	target string
	route  []string
	seq    uint32 // last CSeq of ours
	theirs uint32 // last CSeq of theirs
	used   map[uint32]string
	last   map[string][]byte // our last request of each method

	updates bool // the other lists UPDATE in Allow
	left    bool // it has ended early (RFC 6228)
	session session
	heard   provisionals

	updating *tx // our UPDATE on its way
	late     func()
	timer    refresh
}

// via is the Via of our requests without its branch.
func (p *Phone) via() string { return "SIP/2.0/" + p.config.Network.Via() + " " + p.config.Host }

// contact is our Contact: it names the user, as phones' Contacts do.
func (p *Phone) contact() string {
	uri := "<sip:" + p.config.User + "@" + p.config.Host
	if p.config.Network != flow.UDP {
		uri += ";transport=" + p.config.Network.String()
	}
	return p.named(uri + ">")
}

func (p *Phone) named(address string) string {
	if p.config.Name == "" {
		return address
	}
	return `"` + p.config.Name + `" ` + address
}

// next begins a request of the dialog.
func (d *dialog) next(method string) message.Request {
	if d.remote != "" {
		d.seq += d.call.phone.config.Behaviour.CSeqJump
	}
	d.seq++
	return d.compose(method, d.seq)
}

func (d *dialog) compose(method string, seq uint32) message.Request {
	p := d.call.phone
	return message.Request{
		Method: method, Target: d.target, Via: p.via(), Branch: p.config.Mint.Branch(),
		Route: d.route, From: d.from, To: d.to, CallID: d.call.callID, CSeq: seq, MaxForwards: 70,
	}
}

// introduce puts into a request what one that makes or refreshes a dialog says of
// the phone.
func (d *dialog) introduce(r *message.Request) {
	p := d.call.phone
	r.Contact, r.Allow = p.contact(), true
	r.Supported, r.Require = p.options()
	if r.Method != "INVITE" || d.remote != "" {
		// Nothing here asks for a reliable response, so none is demanded.
		r.Require = slices.DeleteFunc(r.Require, func(tag string) bool { return tag == optReliable })
	}
}

// ask sends a request of the dialog, with further header lines. then gets the
// final response, or nil when none came.
func (d *dialog) ask(r message.Request, then func(*message.Message), lines ...string) *tx {
	t := d.prepare(r, then, lines...)
	t.begin()
	return t
}

// prepare makes the transaction of a request that ask would send.
func (d *dialog) prepare(r message.Request, then func(*message.Message), lines ...string) *tx {
	t := d.call.phone.open(d.call, r, then, lines...)
	if d.last == nil {
		d.last = map[string][]byte{}
	}
	if d.remote != "" {
		d.last[r.Method] = t.last
	}
	return t
}

// describe puts a session description into a request.
func describe(r *message.Request, body []byte) {
	if len(body) == 0 {
		return
	}
	r.ContentType, r.Body = message.MediaType, body
}

// retarget takes the other's Contact (section 12.2.1.1).
func (d *dialog) retarget(m *message.Message) {
	if uri := m.ContactURI(); uri != "" {
		d.target = uri
	}
	if m.Allow != nil {
		d.updates = m.Allows("UPDATE")
	}
}

// adopt takes the dialog's other half from a response (section 12.1.2).
func (d *dialog) adopt(m *message.Message) {
	d.remote, d.to = m.To.Tag, m.To.Text
	d.route = slices.Clone(m.RecordRoute)
	slices.Reverse(d.route)
	d.retarget(m)
}

// fork finds the dialog of a response to our first INVITE, or begins it.
func (c *call) fork(m *message.Message) *dialog {
	for _, d := range c.forks {
		if d.remote == m.To.Tag {
			return d
		}
	}
	d := *c.unborn
	d.session = c.unborn.session.clone()
	d.used, d.last = nil, nil
	d.adopt(m)
	c.forks = append(c.forks, &d)
	if c.dialog == c.unborn {
		c.dialog = &d
	}
	return &d
}

// dialog finds the dialog that a request belongs to.
func (p *Phone) dialog(m *message.Message) *dialog {
	for _, c := range p.calls {
		if c.callID != m.CallID || c.local != m.To.Tag {
			continue
		}
		if c.dialog.remote == m.From.Tag {
			return c.dialog
		}
		for _, d := range c.forks {
			if d.remote == m.From.Tag {
				return d
			}
		}
	}
	return nil
}
