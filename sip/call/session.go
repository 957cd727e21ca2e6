package call

import (
	"time"

	"mask700/binding/cdr"
	"mask700/sip/message"
)

// Session is the session timer of one leg (RFC 4028): both ends hear of each
// other every so often, or the call is over.
type Session struct {
	Interval time.Duration // 0: no timer
	Ours     bool          // we refresh
	Least    int           // seconds: Min-SE of our requests; 0: none
	Due      bool          // a refresh waits for its turn
}

// Wish is what a request says of the session timer.
type Wish struct {
	Expires   int    // seconds, 0: nothing
	Refresher string // "uac", "uas" or ""
	Least     int    // seconds, Min-SE; 0: none
	Knows     bool   // the peer can refresh (Supported: timer)
}

// shortest is the interval below which none may be asked for (RFC 4028 section
// 4), unless a trunk says otherwise.
const shortest = 90 * time.Second

// wishOf reads it.
func wishOf(m *message.Message) Wish {
	return Wish{Expires: max(m.SessionExpires, 0), Refresher: m.Refresher, Least: m.MinSE, Knows: m.Supports("timer")}
}

// leastOf is the shortest interval that a leg's trunk takes.
func (c *Call) leastOf(env *Env, s Side) time.Duration {
	if least := env.trunk(c.leg(s)).MinSession; least > 0 {
		return least
	}
	return shortest
}

// tooBrief gives the Min-SE of the 422 that a request is to get, 0 for none. Who
// does not know the timer could not ask for another interval (RFC 4028 section
// 9).
func (c *Call) tooBrief(env *Env, s Side, w Wish) int {
	if w.Expires == 0 || !w.Knows {
		return 0
	}
	if least := seconds(c.leastOf(env, s)); w.Expires < least {
		return least
	}
	return 0
}

// seconds rounds up: an interval is never shorter than what was said.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// grant writes the session timer into a 2xx of ours to INVITE or UPDATE, and
// starts it (RFC 4028 section 9).
func (c *Call) grant(env *Env, s Side, w Wish, r *message.Response) {
	wanted := seconds(env.trunk(c.leg(s)).SessionTimer)
	interval := w.Expires
	if interval == 0 || wanted > 0 && wanted < interval {
		interval = wanted
	}
	if interval == 0 {
		c.leg(s).Session.Interval = 0
		c.stopSession(env, s)
		return
	}
	interval = max(interval, w.Least, min(seconds(c.leastOf(env, s)), max(w.Expires, wanted)))
	refresher := "uas" // we, if it is left to us: then a dead leg is found in half the time
	if w.Knows && w.Refresher == "uac" {
		refresher = "uac"
		r.Require = timerTag
	}
	r.SessionExpires, r.Refresher = interval, refresher
	c.runSession(env, s, interval, refresher == "uas")
}

// timerTag is the Require of a 2xx whose receiver has to refresh. It is never
// written to.
var timerTag = []string{"timer"}

// granted reads the session timer from a 2xx to a request of ours. Without one
// there is none (RFC 4028 section 7.2).
func (c *Call) granted(env *Env, s Side, m *message.Message) {
	if m.SessionExpires <= 0 {
		c.leg(s).Session.Interval = 0
		c.stopSession(env, s)
		return
	}
	// Nobody may give less than the shortest there is (RFC 4028 section 4), unless
	// the trunk takes less; that it takes no less than more was not said to them.
	least := min(shortest, c.leastOf(env, s))
	c.runSession(env, s, max(m.SessionExpires, seconds(least)), m.Refresher != "uas")
}

// runSession starts both ends of an interval: when it is refreshed, if by us, and
// when it is over (RFC 4028 section 10).
func (c *Call) runSession(env *Env, s Side, interval int, ours bool) {
	l := c.leg(s)
	l.Session.Interval, l.Session.Ours, l.Session.Due = time.Duration(interval)*time.Second, ours, false
	if c.State >= Ending || l.State != Confirmed || s == Third {
		return // a session begins with the 2xx of its INVITE, and a third leg's when it is one of the two
	}
	whole := l.Session.Interval
	env.do(StartTimer{Timer{ExpiryTimer, s}, whole - min(32*time.Second, whole/3)})
	if ours {
		env.do(StartTimer{Timer{RefreshTimer, s}, whole / 2})
	} else {
		env.do(StopTimer{Timer{RefreshTimer, s}})
	}
}

func (c *Call) stopSession(env *Env, s Side) {
	c.leg(s).Session.Due = false
	env.do(StopTimer{Timer{ExpiryTimer, s}})
	env.do(StopTimer{Timer{RefreshTimer, s}})
}

// offerFeatures writes what we can do, and the session timer that we ask for,
// into an INVITE or an UPDATE of ours.
func (c *Call) offerFeatures(env *Env, s Side, r *message.Request) {
	l := c.leg(s)
	t := env.trunk(l)
	r.Allow, r.AllowRefer = true, t.Refer == referAllowed
	r.Supported = timerTag
	interval := seconds(max(t.SessionTimer, l.Session.Interval))
	if l.Session.Interval > 0 {
		interval = seconds(l.Session.Interval)
	}
	if interval == 0 {
		return
	}
	r.MinSE = l.Session.Least
	r.SessionExpires = max(interval, l.Session.Least)
	switch {
	case l.Session.Interval == 0:
	case l.Session.Ours:
		r.Refresher = "uac"
	default:
		r.Refresher = "uas"
	}
}

// refresh tells a party that we are there: by an UPDATE without an offer, or by
// offering the session that there is.
func (c *Call) refresh(env *Env, s Side) {
	l := c.leg(s)
	if c.State >= Ending || l.State != Confirmed {
		return
	}
	l.Session.Due = true
	if !l.Updates {
		if c.State >= Answered { // else when the two are connected
			c.offerOwn(env, s)
		}
		return
	}
	r := l.nextRequest(env, &l.Dialog, "UPDATE")
	r.Contact = l.Contact
	c.offerFeatures(env, s, &r)
	c.send(env, s, &l.Dialog, Sent{Request: r, Refresh: true})
}

// refreshed takes the answer to an UPDATE that refreshes. Any failure but these
// leaves the session to its end (RFC 4028 section 10).
func (c *Call) refreshed(env *Env, s Side, status int, m *message.Message) {
	l := c.leg(s)
	switch {
	case status < 300:
		l.retarget(m)
		l.learn(m)
		c.granted(env, s, m)
	case status == 491 || status == 500:
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
	case status == 422 && l.raise(m):
		c.refresh(env, s)
	case status == 405 || status == 501:
		l.Updates = false
		c.refresh(env, s)
	case gone(status):
		c.legLost(env, s)
	}
}

// raise takes the interval that a 422 asks for, and says false when that is none.
func (l *Leg) raise(m *message.Message) bool {
	if m == nil || min(m.MinSE, longest) <= l.Session.Least {
		return false
	}
	l.Session.Least = min(m.MinSE, longest)
	return true
}

// longest bounds what a peer can make us wait, in seconds.
const longest = 24 * 60 * 60

// expired ends a call one of whose sessions was not refreshed: that party has gone
// without a word.
func (c *Call) expired(env *Env, s Side) {
	c.end(env, ending{end: cdr.EndSessionExpired, by: c.role(s), status: 480, q850: causeRecovery})
}
