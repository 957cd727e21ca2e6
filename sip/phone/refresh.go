package phone

import (
	"slices"
	"time"

	"mask700/sip/message"
)

// leastSE is the smallest session interval that there may be, in seconds
// (RFC 4028 section 5).
const leastSE = 90

// refresh is the session timer of a dialog (RFC 4028).
type refresh struct {
	interval int  // seconds; 0: the session does not expire
	ours     bool // we refresh
	next     *alarm
	end      *alarm
}

func (r *refresh) stop() {
	r.next.stop()
	r.end.stop()
	*r = refresh{}
}

// minSE is the smallest interval that the phone takes.
func (p *Phone) minSE() int { return max(p.config.Behaviour.MinSE, leastSE) }

// tooShort reports whether a request asks for a session interval that the phone
// does not take (section 9).
func (p *Phone) tooShort(m *message.Message) bool {
	return p.config.Behaviour.Timer != Off && m.SessionExpires > 0 && m.SessionExpires < p.minSE()
}

// raise takes the interval that a 422 asks for (section 7.3), and reports
// whether it named one.
func (c *call) raise(m *message.Message) bool {
	if m == nil || m.MinSE == 0 {
		c.phone.blame("422 names no interval in Min-SE (RFC 4028 section 6)")
		return false
	}
	c.minSE = max(c.minSE, m.MinSE)
	return true
}

// askTimer asks for a session timer in a request of ours, or for the one that
// runs once more (section 7.1).
func (c *call) askTimer(d *dialog, r *message.Request) {
	b := &c.phone.config.Behaviour
	if b.Timer == Off || r.Method == "UPDATE" && c.state < Talking {
		return
	}
	if d.timer.interval > 0 {
		r.SessionExpires, r.Refresher = d.timer.interval, "uas"
		if d.timer.ours {
			r.Refresher = "uac"
		}
	} else {
		r.SessionExpires, r.Refresher = b.Expires, b.Refresher
	}
	if b.MinSE > 0 || c.minSE > 0 {
		r.MinSE = max(b.MinSE, c.minSE, leastSE)
	}
	if r.SessionExpires > 0 {
		r.SessionExpires = max(r.SessionExpires, r.MinSE)
	}
}

// took takes the session timer of a 2xx to a request of ours (section 7.2).
func (c *call) took(d *dialog, m *message.Message) {
	p := c.phone
	if m.Method == "UPDATE" && c.state < Talking {
		return
	}
	if m.SessionExpires <= 0 {
		d.timer.stop()
		return
	}
	required := slices.Contains(m.Require, optTimer)
	switch {
	case m.Refresher == "":
		p.blame("%s does not say who refreshes (RFC 4028 section 9)", title(m))
	case p.config.Behaviour.Timer == Off && m.Refresher == "uac":
		p.blame("%s would have one refresh who does not know that (RFC 4028 section 9)", title(m))
	case m.Refresher == "uac" && !required:
		p.blame("%s does not require the timer of who refreshes (RFC 4028 section 9)", title(m))
	case m.SessionExpires < leastSE:
		p.blame("%s has a session interval below 90 s (RFC 4028 section 5)", title(m))
	}
	if p.config.Behaviour.Timer == Off {
		return // the other keeps the time by itself
	}
	c.startTimer(d, m.SessionExpires, m.Refresher == "uac")
}

// grantTimer puts the session timer into our 2xx to a request of theirs
// (section 9).
func (c *call) grantTimer(d *dialog, m *message.Message, r *message.Response) {
	b := &c.phone.config.Behaviour
	if b.Timer == Off || m.Method == "UPDATE" && c.state < Talking {
		return
	}
	knows, least := m.Supports(optTimer), max(m.MinSE, leastSE)
	if m.SessionExpires > 0 && !knows {
		c.phone.blame("%s asks for a timer without supporting it (RFC 4028 section 7.1)", title(m))
	}
	interval, who := m.SessionExpires, m.Refresher
	switch {
	case interval > 0 && b.Expires > 0:
		interval = min(interval, max(b.Expires, least)) // never more than was asked for
	case interval <= 0 && b.Expires > 0:
		interval, who = max(b.Expires, least), ""
	case interval <= 0:
		d.timer.stop()
		return
	}
	if who == "" {
		who = b.Refresher
	}
	if who == "" || !knows {
		who = "uas"
	}
	r.SessionExpires, r.Refresher = interval, who
	if who == "uac" {
		r.Require = append(r.Require, optTimer)
	}
	c.startTimer(d, interval, who == "uas")
}

// startTimer starts the session timer anew (section 10): who refreshes does so
// at half the time, and who sees no refresh ends the call shortly before it is
// over.
func (c *call) startTimer(d *dialog, interval int, ours bool) {
	d.timer.stop()
	whole := time.Duration(interval) * time.Second
	d.timer = refresh{interval: interval, ours: ours}
	if c.state == Ended {
		return
	}
	if ours && c.phone.config.Behaviour.NoRefresh {
		return
	}
	if ours {
		d.timer.next = c.after(whole/2, func() { c.refresh(d) })
	}
	d.timer.end = c.after(whole-min(32*time.Second, whole/3), func() {
		c.expired = !ours
		c.sendBye()
	})
}

// refresh asks the other whether it is still there: by an UPDATE without an
// offer where it knows that.
func (c *call) refresh(d *dialog) {
	if d.updates {
		c.update(NoOffer, 0)
		return
	}
	c.reinvite(AsItIs, 0)
}
