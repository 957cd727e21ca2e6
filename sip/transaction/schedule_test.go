package transaction

import (
	"slices"
	"testing"
	"time"
)

// clock runs one machine's two timers.
type clock struct {
	now                  time.Duration
	retransmit, deadline time.Duration // when they fire, 0: not running
	sent                 []time.Duration
	did                  Do
}

func (c *clock) take(o Outcome) {
	set := func(at *time.Duration, change time.Duration) {
		switch change {
		case Keep:
		case Stop:
			*at = 0
		default:
			*at = c.now + change
		}
	}
	set(&c.retransmit, o.Retransmit)
	set(&c.deadline, o.Deadline)
	if o.Do&(Send|Resend|SendAck) != 0 {
		c.sent = append(c.sent, c.now)
	}
	c.did |= o.Do
}

// run fires the timers until none runs or the time is up. Of two that are due
// together the deadline wins.
func (c *clock) run(m *Machine, until time.Duration) {
	for c.retransmit != 0 || c.deadline != 0 {
		in, at := DeadlineAt, c.deadline
		if c.deadline == 0 || c.retransmit != 0 && c.retransmit < c.deadline {
			in, at = RetransmitAt, c.retransmit
		}
		if at > until {
			break
		}
		c.now = at
		if in == DeadlineAt {
			c.deadline = 0
		} else {
			c.retransmit = 0
		}
		c.take(m.Step(in, DefaultTimers()))
	}
	c.now = max(c.now, until)
}

func seconds(s ...float64) []time.Duration {
	list := make([]time.Duration, len(s))
	for i := range s {
		list[i] = time.Duration(s[i] * float64(time.Second))
	}
	return list
}

const forever = time.Hour

func TestSchedules(t *testing.T) {
	type event struct {
		at float64
		in Input
	}
	tests := []struct {
		name     string
		kind     Kind
		reliable bool
		events   []event // after Begin
		sent     []time.Duration
		did      Do // of interest
		ends     float64
	}{
		{name: "A doubles from T1, B ends it", kind: InviteClient,
			sent: seconds(0, .5, 1.5, 3.5, 7.5, 15.5, 31.5), did: Timeout, ends: 32},
		{name: "no A on TCP, but B", kind: InviteClient, reliable: true, sent: seconds(0), did: Timeout, ends: 32},
		{name: "a provisional response ends A and B for good", kind: InviteClient,
			events: []event{{.7, Provisional}, {100, Success}}, sent: seconds(0, .5), did: Deliver, ends: 132},
		{name: "D absorbs repeated failures with an ACK each", kind: InviteClient,
			events: []event{{.2, Failure}, {.7, Failure}, {31, Failure}}, sent: seconds(0, .2, .7, 31), did: Deliver, ends: 32.2},
		{name: "M absorbs repeated successes", kind: InviteClient,
			events: []event{{.2, Success}, {10, Success}}, sent: seconds(0), did: Deliver, ends: 32.2},
		{name: "E doubles up to T2, F ends it", kind: Client,
			sent: seconds(0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5), did: Timeout, ends: 32},
		{name: "E goes on every T2 after a provisional response", kind: Client,
			events: []event{{.6, Provisional}, {9, Success}}, sent: seconds(0, .5, 4.6, 8.6), did: Deliver, ends: 14},
		{name: "a provisional response does not stop F", kind: Client,
			events: []event{{.6, Provisional}}, sent: seconds(0, .5, 4.6, 8.6, 12.6, 16.6, 20.6, 24.6, 28.6), did: Timeout, ends: 32},
		{name: "K absorbs", kind: Client, events: []event{{.2, Failure}, {.9, Failure}}, sent: seconds(0), did: Deliver, ends: 5.2},
		{name: "no K on TCP", kind: Client, reliable: true, events: []event{{.2, Failure}}, sent: seconds(0), did: Deliver, ends: .2},
		{name: "G doubles up to T2, H ends it", kind: InviteServer, events: []event{{1, Failure}},
			sent: seconds(1, 1.5, 2.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5, 32.5), did: Timeout, ends: 33},
		{name: "ACK ends G, I absorbs", kind: InviteServer, events: []event{{1, Failure}, {1.7, Ack}, {2, Ack}, {2, Repeat}},
			sent: seconds(1, 1.5), did: Deliver, ends: 6.7},
		{name: "no G and no I on TCP", kind: InviteServer, reliable: true, events: []event{{1, Failure}, {1.7, Ack}},
			sent: seconds(1), did: Deliver, ends: 1.7},
		{name: "H on TCP too", kind: InviteServer, reliable: true, events: []event{{1, Failure}}, sent: seconds(1), did: Timeout, ends: 33},
		{name: "L absorbs the INVITE and never repeats the 2xx", kind: InviteServer,
			events: []event{{1, Success}, {1.2, Repeat}, {2, Ack}, {3, Success}}, sent: seconds(1, 3), did: Deliver, ends: 33},
		{name: "J answers repetitions", kind: Server, events: []event{{1, Success}, {1.2, Repeat}, {20, Repeat}},
			sent: seconds(1, 1.2, 20), did: Deliver, ends: 33},
		{name: "a final response on TCP may have to be sent elsewhere", kind: Server, reliable: true,
			events: []event{{1, Success}, {1.2, Repeat}}, sent: seconds(1, 1.2), did: Deliver, ends: 6},
		{name: "a repetition before any answer is not answered", kind: Server,
			events: []event{{.5, Repeat}, {1, Failure}}, sent: seconds(1), did: Deliver, ends: 33},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, c := New(test.kind, test.reliable), &clock{}
			c.take(m.Step(Begin, DefaultTimers()))
			for _, e := range test.events {
				c.run(&m, seconds(e.at)[0])
				c.take(m.Step(e.in, DefaultTimers()))
			}
			for m.State != Terminated && (c.retransmit != 0 || c.deadline != 0) {
				c.run(&m, c.now+10*time.Millisecond)
			}
			if !m.Done() || c.now != seconds(test.ends)[0] {
				t.Errorf("%v after %v, want terminated after %v s", m.State, c.now, test.ends)
			}
			if !slices.Equal(c.sent, test.sent) {
				t.Errorf("sent at %v, want %v", c.sent, test.sent)
			}
			if !c.did.Has(test.did) || test.did != Timeout && c.did.Has(Timeout) {
				t.Errorf("did %b, want %b among it and no other end", c.did, test.did)
			}
		})
	}
}

// TestProceedingWaitsForever says that an INVITE that rings has no timer: who
// uses the machine decides how long a phone may ring.
func TestProceedingWaitsForever(t *testing.T) {
	m, c := New(InviteClient, false), &clock{}
	c.take(m.Step(Begin, DefaultTimers()))
	c.take(m.Step(Provisional, DefaultTimers()))
	c.run(&m, forever)
	if m.State != Proceeding || c.retransmit != 0 || c.deadline != 0 {
		t.Errorf("%v with timers at %v and %v", m.State, c.retransmit, c.deadline)
	}
}
