package register

import (
	"strings"
	"time"

	"mask700/sip/digest"
	"mask700/sip/message"
)

// Answered takes the final response to the last request, nil for none.
func (m *Machine) Answered(env Env, r *message.Message) Step {
	if m.state != Trying && m.state != Leaving {
		return Step{}
	}
	m.status = 0
	if r != nil {
		m.status = r.Status
	}
	if (m.status == 401 || m.status == 407) && m.session.Challenged(&m.tries, r, m.config.Account) {
		return m.ask(env)
	}
	m.tries = digest.Tries{} // the next request begins anew
	switch {
	case m.state == Leaving:
		// Best effort: whatever it says, it was asked.
		m.state = Over
		if m.status/100 == 2 {
			m.until = time.Time{}
		}
		return Step{}
	case m.status == 423 && m.longer(r):
		return m.ask(env)
	case m.status/100 == 2:
		return m.granted(env, r)
	}
	return m.failed(env, r)
}

// longer takes the interval that a registrar insists on (section 10.2.8), and
// reports whether it is one to ask for.
func (m *Machine) longer(r *message.Message) bool {
	wanted := time.Duration(r.MinExpires) * time.Second
	if m.brief++; m.brief > maxBrief || wanted <= m.interval || wanted > longest {
		return false
	}
	m.interval = wanted
	return true
}

// granted takes a 2xx: for how long our Contact is bound, and when that is to be
// renewed.
func (m *Machine) granted(env Env, r *message.Message) Step {
	interval := m.bound(r)
	if interval <= 0 {
		m.until = time.Time{}
		return m.failed(env, r)
	}
	m.state, m.failures, m.brief, m.resting = Registered, 0, 0, nil
	m.until, m.home = env.Now.Add(interval), m.hop
	if m.stopping {
		return m.leave(env)
	}
	return Step{Wait: renewal(interval, env.Random)}
}

// renewal is when to ask again: a tenth of the interval before its end, at most
// 30 s, and up to as much again earlier; half of a short one, which leaves time
// to try twice.
func renewal(interval time.Duration, random float64) time.Duration {
	if interval < short {
		return max(least, interval/2-time.Duration(random*float64(interval)/10))
	}
	before := min(margin, interval/10)
	return interval - before - time.Duration(random*float64(before))
}

// bound finds our Contact in the list of all that are bound to the address
// (section 10.2.4). A registrar that lists none is believed to have done as it was
// asked; one that lists others only has not.
func (m *Machine) bound(r *message.Message) time.Duration {
	asked := m.interval
	if r.Expires >= 0 {
		asked = min(asked, time.Duration(r.Expires)*time.Second)
	}
	list := r.ContactList()
	if len(list) == 0 {
		return asked
	}
	var near time.Duration
	for _, text := range list {
		u, expires, ok := message.ReadContact(text)
		if !ok || u.User != m.config.User {
			continue
		}
		interval := asked
		if expires >= 0 {
			interval = min(m.interval, time.Duration(expires)*time.Second)
		}
		if m.at(u) {
			return interval
		}
		if near == 0 {
			near = interval
		}
	}
	return near
}

// at reports whether a Contact names the host and port that ours does. A registrar
// that looks through address translation may write others.
func (m *Machine) at(u message.URI) bool {
	host, err := message.ParseURI("sip:" + m.hop.Host)
	return err == nil && strings.EqualFold(u.Host, host.Host) && u.Port == host.Port
}

// failed goes on to the next hop where the fault is the hop's, and else waits.
func (m *Machine) failed(env Env, r *message.Message) Step {
	if m.stopping {
		return m.leave(env)
	}
	if m.status != 0 && m.status != 408 && m.status/100 != 5 {
		// Another hop would say the same of what it was asked.
		return m.pause(env, retryAfter(r))
	}
	rest := resting{placeOf(m.hop), env.Now.Add(retryAfter(r))}
	m.resting = append(m.resting, rest)
	h, ok := m.choose(env.Hops)
	if !ok {
		return m.pause(env, 0)
	}
	m.state, m.hop = Trying, h
	return m.ask(env)
}

// retryAfter is how long a registrar wants to be left alone (section 20.33).
func retryAfter(r *message.Message) time.Duration {
	if r == nil {
		return 0
	}
	return min(time.Duration(r.RetryAfter)*time.Second, longPause)
}

// pause waits until the next attempt: longer with every failure in a row, as long
// as was asked for, and until the first of the hops has rested.
func (m *Machine) pause(env Env, asked time.Duration) Step {
	wait := min(firstPause<<min(m.failures, 10), lastPause)
	m.failures++
	m.brief, m.interval = 0, m.config.Expires
	wait = wait/2 + time.Duration(env.Random*float64(wait)/2)
	if len(env.Hops) > 0 {
		soonest := longPause
		for _, h := range env.Hops {
			until := env.Now
			for _, r := range m.resting {
				if r.place == placeOf(h) {
					until = r.until
				}
			}
			soonest = min(soonest, until.Sub(env.Now))
		}
		asked = max(asked, soonest)
	}
	m.state = Waiting
	return Step{Wait: max(wait, asked)}
}
