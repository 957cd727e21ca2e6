package shard_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/phone"
	"mask700/sip/shard"
	"mask700/sip/transaction"
)

// event is something that happens at a time.
type event struct {
	at    time.Time
	order int
	do    func()
}

// agenda is what is to happen, the next first; of one time in the order in which
// it was put down.
type agenda struct {
	events []event
	count  int
}

func (a *agenda) Len() int { return len(a.events) }
func (a *agenda) Less(i, j int) bool {
	if a.events[i].at.Equal(a.events[j].at) {
		return a.events[i].order < a.events[j].order
	}
	return a.events[i].at.Before(a.events[j].at)
}
func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }
func (a *agenda) Push(x any)    { a.events = append(a.events, x.(event)) }
func (a *agenda) Pop() any {
	last := a.events[len(a.events)-1]
	a.events = a.events[:len(a.events)-1]
	return last
}

func (a *agenda) put(at time.Time, do func()) {
	a.count++
	heap.Push(a, event{at, a.count, do})
}

// next takes the first event if it is due.
func (a *agenda) next(now time.Time) func() {
	if len(a.events) == 0 || a.events[0].at.After(now) {
		return nil
	}
	return heap.Pop(a).(event).do
}

// weather is what a network does to datagrams.
type weather struct {
	loss, twice float64       // probabilities
	late        float64       // that a message comes once more when all is past
	delay       time.Duration // at most, and so the measure of reordering
}

// ephemeral is the port from which a phone connects.
const ephemeral = 40404

// veryLate is the most by which a message may come once more.
const veryLate = time.Minute

// handset is a phone on a network.
type handset struct {
	*phone.Phone
	name, number string
	secrets      *secrets
	host         netip.AddrPort
	flow         flow.Flow // as the gateway sees it
	behaviour    phone.Behaviour
	dark, light  time.Time // it has no network in between
	ended        time.Time // when its call ended
	talked       bool
	rings        string         // Call-ID of the last call that rang
	twin         *handset       // a second phone of the same number: the switch lets both ring
	second       bool           // it is one
	copies       map[string]int // of each message from and to it, as long as none has arrived; then -1
	in, out      time.Time      // when the last message of a stream arrived here, and there
}

// network carries messages between the handsets and the shard.
type network struct {
	r        *rand.Rand
	agenda   *agenda
	world    *world
	handsets []*handset
	weather  weather
	order    *sequence
	sent     map[string]bool      // by the shard
	invited  map[string]bool      // Call-IDs of INVITEs that reached the shard
	asked    map[string]time.Time // when the shard sent an INVITE, by Call-ID
	heard    map[string]bool      // of these, those that a response reached it to within 64*T1
	failures int                  // connections that may still be lost
	say      func(format string, args ...any)
}

// tell writes a message on its way into the protocol of a replayed run.
func (n *network) tell(from, to string, b []byte, arrivals []time.Time) {
	first, rest, _ := strings.Cut(string(b), "\r\n")
	_, cseq, _ := strings.Cut(rest, "CSeq: ")
	cseq, _, _ = strings.Cut(cseq, "\r\n")
	var when strings.Builder
	for _, at := range arrivals {
		fmt.Fprintf(&when, " arrives %.3f", at.Sub(epoch).Seconds())
	}
	n.say("%s -> %s: %s (%s)%s", from, to, first, cseq, when.String())
}

// carry says when a message from or to a handset arrives, and arrives again. A
// stream loses nothing and keeps the order.
func (n *network) carry(h *handset, last *time.Time, opens bool) (times []time.Time) {
	arrives := func() time.Time {
		return n.world.now.Add(time.Millisecond + time.Duration(n.r.Int64N(int64(n.weather.delay))))
	}
	if h.flow.Network.Reliable() {
		*last = later(*last, arrives())
		if h.cut(n.world.now) {
			*last = later(*last, h.light) // the network repeats it by itself
		}
		return []time.Time{*last}
	}
	if h.cut(n.world.now) {
		return nil
	}
	if n.r.Float64() >= n.weather.loss {
		times = append(times, arrives())
	}
	if n.r.Float64() < n.weather.twice {
		times = append(times, arrives())
	}
	if !opens && n.r.Float64() < n.weather.late {
		times = append(times, n.world.now.Add(time.Duration(n.r.Int64N(int64(veryLate)))))
	}
	return times
}

// count notes a copy of a message from or to the handset, and how often it
// arrives.
func (h *handset) count(b []byte, arrives int) {
	if h.copies == nil {
		h.copies = map[string]int{}
	}
	switch {
	case arrives > 0:
		h.copies[string(b)] = -1
	case h.copies[string(b)] >= 0:
		h.copies[string(b)]++
	}
}

// starved reports whether all copies of a message were lost that was repeated to
// the end: seven is what there are of an INVITE. A stream holds back what it
// cannot bring, for longer than anyone waits.
func (h *handset) starved() bool {
	if h.flow.Network.Reliable() && h.light.Sub(h.dark) > transaction.DefaultTimers().Timeout() {
		return true
	}
	for _, n := range h.copies {
		if n >= 7 {
			return true
		}
	}
	return false
}

// cut reports whether the handset has no network.
func (h *handset) cut(now time.Time) bool { return now.After(h.dark) && now.Before(h.light) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// opens reports whether a message begins a call: once more when all is past, it
// would begin another.
func opens(m *message.Message) bool {
	return m != nil && m.Method == "INVITE" && m.IsRequest() && m.To.Tag == ""
}

// collect takes what a handset sends.
func (n *network) collect(h *handset) {
	for _, b := range h.Take() {
		m, fault := message.Parse(b)
		if fault != nil {
			n.world.fail("%s sends what is no message: %v", h.name, fault)
			continue
		}
		deliver := func() {
			switch {
			case m.IsRequest():
				n.order.received(m)
			case n.world.now.Sub(n.asked[m.CallID]) < n.world.config.Timers.Timeout():
				n.heard[m.CallID] = true
			}
			if opens(m) {
				n.invited[m.CallID] = true
			}
			n.world.receive(h.flow, b)
		}
		if h.second && m.Status >= 300 {
			continue // the switch waits for the other
		}
		if h.twin != nil && m.Status >= 300 && m.Method == "INVITE" && h.twin.State() == phone.Ringing {
			h.twin.HangUp(n.world.now) // and takes its word for both
			n.collect(h.twin)
		}
		times := n.carry(h, &h.in, opens(m))
		h.count(b, len(times))
		n.tell(h.name, "us", b, times)
		for _, at := range times {
			n.agenda.put(at, deliver)
		}
	}
	switch h.State() {
	case phone.Talking:
		h.talked, h.ended = true, time.Time{}
	case phone.Ended:
		if h.ended.IsZero() {
			h.ended = n.world.now
		}
	default:
		h.talked, h.ended = false, time.Time{}
	}
}

// send takes what the shard sends.
func (n *network) send(s shard.Send) {
	m, fault := message.Parse(s.Bytes)
	to := n.world.guard.receiver(s)
	if fault != nil || to == nil {
		return // the world has complained
	}
	n.order.leaving(n.world.fail, m, n.sent[string(s.Bytes)])
	n.sent[string(s.Bytes)] = true
	var h *handset
	for _, h = range n.handsets {
		if h.secrets == to {
			break
		}
	}
	if s.Flow.Network != h.flow.Network {
		n.world.fail("%s is on %v and is sent something over %v", h.name, h.flow.Network, s.Flow.Network)
	}
	if s.Flow.Conn == 0 && s.Flow.Remote.Port() == ephemeral {
		n.world.fail("nobody can connect to %s at %v", h.name, s.Flow.Remote)
	}
	if s.Flow.Conn != 0 && s.Token != 0 && n.failures > 0 && n.r.IntN(4) == 0 {
		// The connection is lost before the message is through.
		n.failures--
		n.tell("us", h.name+", not sent", s.Bytes, nil)
		n.agenda.put(n.world.now, func() {
			n.world.shard.Failed(n.world.now, s.Token)
			n.world.drain()
		})
		return
	}
	if _, ok := n.asked[m.CallID]; !ok && opens(m) {
		n.asked[m.CallID] = n.world.now
	}
	if h.twin == nil || s.Flow.Remote != h.twin.host {
		n.bring(h, m, s)
	}
	if h.twin != nil && s.Flow.Remote != h.host {
		n.bring(h.twin, m, s)
	}
}

// bring takes a message of the shard to one handset.
func (n *network) bring(h *handset, m *message.Message, s shard.Send) {
	times := n.carry(h, &h.out, opens(m))
	h.count(s.Bytes, len(times))
	n.tell("us", h.name, s.Bytes, times)
	for _, at := range times {
		n.agenda.put(at, func() {
			rang := h.State() == phone.Ringing
			h.Receive(n.world.now, s.Bytes)
			if !rang && h.State() == phone.Ringing {
				h.rings = m.CallID
			}
			n.collect(h)
		})
	}
}

// step moves to the next thing that happens and does it; false when nothing will
// ever happen.
func (n *network) step() bool {
	var next time.Time
	sooner := func(t time.Time, ok bool) {
		if ok && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if len(n.agenda.events) > 0 {
		sooner(n.agenda.events[0].at, true)
	}
	sooner(n.world.shard.Next())
	for _, h := range n.handsets {
		sooner(h.Next())
	}
	if next.IsZero() {
		return false
	}
	if next.Before(n.world.now) {
		next = n.world.now
	}
	n.world.now = next
	if do := n.agenda.next(next); do != nil {
		do()
		return true
	}
	for _, h := range n.handsets {
		if at, ok := h.Next(); ok && !at.After(next) {
			h.Advance(next)
			n.collect(h)
			return true
		}
	}
	n.world.advance(next)
	return true
}

// address is the place of a handset in its network.
func address(side uint16, i int) netip.AddrPort {
	base := [2]netip.Addr{netip.MustParseAddr(insideNet + "100"), netip.MustParseAddr(outsideNet + "100")}[side].As4()
	base[3] += byte(i)
	return netip.AddrPortFrom(netip.AddrFrom4(base), 5060)
}
