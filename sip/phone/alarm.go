package phone

import (
	"slices"
	"time"
)

// alarm is one running timer.
type alarm struct {
	phone *Phone
	call  *call // with whose end it ends; nil: none
	at    time.Time
	order uint64
	ring  func()
}

// after starts a timer.
func (p *Phone) after(d time.Duration, ring func()) *alarm {
	p.count++
	a := &alarm{phone: p, at: p.now.Add(d), order: p.count, ring: ring}
	p.alarms = append(p.alarms, a)
	return a
}

// after starts a timer that ends with the call.
func (c *call) after(d time.Duration, ring func()) *alarm {
	a := c.phone.after(d, ring)
	a.call = c
	return a
}

// stop ends a timer; one that has ended or never was started may be stopped
// too.
func (a *alarm) stop() {
	if a == nil {
		return
	}
	if i := slices.Index(a.phone.alarms, a); i >= 0 {
		a.phone.alarms = slices.Delete(a.phone.alarms, i, i+1)
	}
}

func (p *Phone) nextAlarm() int {
	best := -1
	for i, a := range p.alarms {
		if best < 0 || a.at.Before(p.alarms[best].at) ||
			a.at.Equal(p.alarms[best].at) && a.order < p.alarms[best].order {
			best = i
		}
	}
	return best
}

// Advance moves the time and does what is due.
func (p *Phone) Advance(now time.Time) {
	for {
		i := p.nextAlarm()
		if i < 0 || p.alarms[i].at.After(now) {
			break
		}
		a := p.alarms[i]
		p.now = a.at
		a.stop()
		a.ring()
	}
	p.now = now
}

// Next is when Advance has work to do, false when nothing waits.
func (p *Phone) Next() (time.Time, bool) {
	i := p.nextAlarm()
	if i < 0 {
		return time.Time{}, false
	}
	return p.alarms[i].at, true
}
