package shard_test

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"mask700/sip/message"
	"mask700/sip/phone"
	"mask700/sip/shard"
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

// veryLate is the most by which a message may come once more.
const veryLate = time.Minute

// network carries messages between the handsets and the shard.
type network struct {
	r        *rand.Rand
	agenda   *agenda
	world    *world
	handsets []*handset
	weather  weather
	order    *sequence
	sent     map[string]bool             // by the shard
	invited  map[string]bool             // Call-ID and CSeq of INVITEs that reached the shard
	asked    map[string]time.Time        // when the shard sent an INVITE, by Call-ID
	opening  map[string]*message.Message // these INVITEs, by branch
	heard    map[string]bool             // of these, those that a response reached it to within 64*T1
	failures int                         // connections that may still be lost
	wreck    string                      // a hop that takes messages and does nothing with them
	trace    hash.Hash64                 // of all that was sent
	say      func(format string, args ...any)
}

func newNetwork(r *rand.Rand, w *world) *network {
	return &network{
		r: r, agenda: &agenda{}, world: w, order: newSequence(), sent: map[string]bool{},
		invited: map[string]bool{}, heard: map[string]bool{}, asked: map[string]time.Time{}, opening: map[string]*message.Message{},
		trace: fnv.New64a(),
	}
}

// tell writes a message on its way into the trace, and into the protocol of a
// replayed run.
func (n *network) tell(from, to string, b []byte, arrivals []time.Time) {
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(n.world.now.Sub(epoch)))
	n.trace.Write(at[:])
	n.trace.Write(b)
	for _, t := range arrivals {
		binary.BigEndian.PutUint64(at[:], uint64(t.Sub(epoch)))
		n.trace.Write(at[:])
	}
	if n.say == nil {
		return
	}
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
		m, fault := n.world.read(b)
		if fault != nil {
			n.world.fail("%s sends what is no message: %v", h.name, fault)
			continue
		}
		refuses := m.Status >= 300 && m.Method == "INVITE" && n.opening[m.Via[0].Branch] != nil
		if refuses {
			h.refused[m.Via[0].Branch] = true
		}
		if refuses && h.second {
			// The switch waits for the other, and may say that this one has left
			// (RFC 6228).
			n.dismiss(h, m)
			if n.r.IntN(2) == 0 {
				continue
			}
			b, m = n.left(b)
		}
		if refuses && h.twin != nil && h.twin.State() == phone.Ringing {
			h.twin.HangUp(n.world.now) // and takes its word for both
			n.collect(h.twin)
		}
		if key, ok := keyOf(m); ok && h.copies[string(b)] == 0 {
			h.pressed[key]++
		}
		times := n.carry(h, &h.in, opens(m))
		h.count(b, len(times))
		n.tell(h.name, "us", b, times)
		for _, at := range times {
			n.agenda.put(at, func() { n.deliver(h, b, m) })
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

// deliver brings a message of a handset to the shard.
func (n *network) deliver(h *handset, b []byte, m *message.Message) {
	switch {
	case m.IsRequest():
		n.order.received(m)
	case n.world.now.Sub(n.asked[m.Via[0].Branch]) < n.world.config.Timers.Timeout():
		n.heard[m.Via[0].Branch] = true
	}
	if opens(m) {
		n.invited[fmt.Sprint(m.CallID, " ", m.CSeq)] = true
	}
	n.world.receive(h.flow, b)
}

// dismiss acknowledges the failure of a handset in the place of the shard.
func (n *network) dismiss(h *handset, m *message.Message) {
	r := n.opening[m.Via[0].Branch]
	ack := message.Request{
		Method: "ACK", Target: r.Target.Text(), Via: "SIP/2.0/UDP " + h.flow.Local.String(), Branch: r.Via[0].Branch,
		From: r.From.Text, To: m.To.Text, CallID: r.CallID, CSeq: r.CSeq, MaxForwards: 70,
	}
	b := ack.Append(nil)
	n.agenda.put(n.world.now.Add(time.Millisecond), func() {
		h.Receive(n.world.now, b)
		n.collect(h)
	})
}

// left makes of a failure the 199 of a switch whose other phones still ring.
func (n *network) left(b []byte) ([]byte, *message.Message) {
	_, rest, _ := bytes.Cut(b, []byte("\r\n"))
	b = append([]byte("SIP/2.0 199 Early Dialog Terminated\r\n"), rest...)
	m, _ := n.world.read(b)
	return b, m
}

// keyOf is the key that an INFO tells of.
func keyOf(m *message.Message) (byte, bool) {
	_, rest, ok := bytes.Cut(m.Body, []byte("Signal="))
	if !ok || m.Method != "INFO" || len(rest) == 0 {
		return 0, false
	}
	return rest[0], true
}

// send takes what the shard sends.
func (n *network) send(s shard.Send) {
	m, fault := n.world.read(s.Bytes)
	to := n.world.guard.receiver(s)
	if fault != nil || to == nil {
		return // the world has complained
	}
	n.order.leaving(n.world.fail, m, n.sent[string(s.Bytes)])
	n.sent[string(s.Bytes)] = true
	if s.Flow.Remote.String() == n.wreck {
		n.tell("us", "the wreck", s.Bytes, nil)
		return
	}
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
	if opens(m) {
		n.opening[m.Via[0].Branch] = m
		if _, ok := n.asked[m.Via[0].Branch]; !ok {
			n.asked[m.Via[0].Branch] = n.world.now
		}
	}
	if h.twin == nil || !h.twin.named(m, s) {
		n.bring(h, m, s)
	}
	if h.twin != nil && !h.named(m, s) {
		n.bring(h.twin, m, s)
	}
}

// named reports whether a message is for this phone of its number and no other.
func (h *handset) named(m *message.Message, s shard.Send) bool {
	return s.Flow.Remote == h.host || m.Target.Host == h.host.Addr().String()
}

// bring takes a message of the shard to one handset.
func (n *network) bring(h *handset, m *message.Message, s shard.Send) {
	if m.Method == "ACK" && n.opening[m.Via[0].Branch] != nil && !h.refused[m.Via[0].Branch] {
		return // it is for the failure of another
	}
	if opens(m) && h.second && h.refused[m.Via[0].Branch] {
		return // it has answered, and the switch does not ask again
	}
	times := n.carry(h, &h.out, opens(m))
	h.count(s.Bytes, len(times))
	n.tell("us", h.name, s.Bytes, times)
	for _, at := range times {
		n.agenda.put(at, func() {
			rang, complaints := h.State() == phone.Ringing, len(h.Violations())
			h.Accept(n.world.now, s.Bytes, m)
			if v := h.Violations(); len(v) > complaints && n.say != nil {
				n.say("%s complains: %s", h.name, strings.Join(v[complaints:], "; "))
			}
			if !rang && h.State() == phone.Ringing {
				h.rings = m.Via[0].Branch
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
