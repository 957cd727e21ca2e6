package shard_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/sip/call"
	"mask700/sip/phone"
	"mask700/sip/token"
)

var (
	interleavings = flag.Int("interleavings", defaultRuns, "how many random runs of TestInterleavings")
	firstSeed     = flag.Uint64("first", 1, "the seed of the first of them; the others follow")
	oneSeed       = flag.Uint64("seed", 0, "play only this run of TestInterleavings, and say what happens in it")
)

// TestInterleavings plays phones of every behaviour against one shard over a
// network that loses, doubles and reorders, with a store, media and a journal
// that answer when they like, targets that are down, phones that are switched off
// and on, and an operator who hangs up. Each run follows from its seed. When all
// is over it must hold that
//
//   - every transaction has ended and every table is empty;
//   - the phones of a call have ended it, and within a bounded time of each other;
//   - each INVITE has one record, opened before the callee heard of the call and
//     closed before either party heard of its end;
//   - media was closed as often as opened, and while two phones talk it goes to
//     where their descriptions say, in codecs that both know;
//   - no phone has seen a rule of offers, answers and dialogs broken;
//   - no session has run out that was for us to refresh, where nothing was lost;
//   - no key was heard more often than it was pressed;
//   - no phone has seen anything of another.
func TestInterleavings(t *testing.T) {
	if *oneSeed != 0 {
		interleave(t, *oneSeed, t.Logf)
		return
	}
	const batches = 4
	began := time.Now()
	var total [batches]tally
	t.Run("all", func(t *testing.T) {
		for b := range uint64(batches) {
			t.Run(fmt.Sprint("batch ", b), func(t *testing.T) {
				t.Parallel()
				for seed := *firstSeed + b; seed < *firstSeed+uint64(*interleavings) && !t.Failed(); seed += batches {
					total[b].add(interleave(t, seed, nil))
				}
			})
		}
	})
	var all tally
	for _, b := range total {
		all.runs, all.steps, all.virtual, all.answered = all.runs+b.runs, all.steps+b.steps, all.virtual+b.virtual,
			all.answered+b.answered
		all.asked, all.extended, all.keys = all.asked+b.asked, all.extended+b.extended, all.keys+b.keys
	}
	if all.runs >= 1600 && (all.asked == 0 || all.extended == 0 || all.keys == 0) {
		t.Errorf("%d were asked for an extension, %d have found one, %d keys ended with us", all.asked, all.extended, all.keys)
	}
	t.Logf("%d steps in %v: %d runs, %v of virtual time, %d calls answered, %d callers asked for an extension, %d of them put through, %d keys",
		all.steps, time.Since(began).Round(time.Millisecond), all.runs, all.virtual.Round(time.Hour), all.answered, all.asked, all.extended, all.keys)
}

// TestInterleavingsReplay plays some runs twice: every message that was sent, and
// when, follows from the seed.
func TestInterleavingsReplay(t *testing.T) {
	for seed := uint64(1); seed <= 8; seed++ {
		first, again := interleave(t, seed, nil), interleave(t, seed, nil)
		if first.trace.Sum64() != again.trace.Sum64() || first.steps != again.steps {
			t.Errorf("run %d went another way: %d and %d steps", seed, first.steps, again.steps)
		}
	}
}

// tally is what runs have come to.
type tally struct {
	runs, steps int
	virtual     time.Duration
	answered    uint64
	asked       int // callers that were asked for an extension
	extended    int // of them, those that have talked to who is reached by it
	keys        int // pressed in calls in which they end with us
}

func (t *tally) add(p *run) {
	t.runs++
	t.steps += p.steps
	t.virtual += p.world.now.Sub(epoch)
	t.answered += p.world.shard.Stats().Answered
	t.keys += p.keys
	for _, l := range p.world.calls {
		if l.asked {
			t.asked++
			if !l.record.AnsweredAt.IsZero() {
				t.extended++
			}
		}
	}
}

// run is the world of one seed with its phones.
type run struct {
	*network
	seed  uint64
	steps int
	pairs [][2]*handset
	mint  *token.Mint
	slow  time.Duration // how long answers may take
	fails float64       // how often they are errors
	code  float64       // how often calls are encoded and decoded
	// Nothing disturbs the one call of the run, nor its transfer, if it is transferred, to
	// a phone that rings for longer than a session lasts.
	patient bool
	orders  int          // calls that the platform has asked for
	keys    int          // pressed that end with us
	strays  map[byte]int // of these, by whose phone is in another call by now
	turns   bool         // a number was dialled under which several ring in turn
	fair    bool         // no message is lost, so that whoever waits for one waits for somebody's fault
}

func interleave(t *testing.T, seed uint64, say func(string, ...any)) *run {
	r := rand.New(rand.NewPCG(seed, 700))
	p := newRun(r, seed)
	failed := false
	p.world.fail = func(format string, args ...any) {
		t.Helper()
		if !failed { // what comes after the first is noise
			failed = true
			t.Errorf("run %d after %v, replay with -run Interleavings -seed %d:\n"+format,
				append([]any{seed, p.world.now.Sub(epoch), seed}, args...)...)
		}
	}
	if say != nil {
		p.say = func(format string, args ...any) {
			say("%8.3f "+format, append([]any{p.world.now.Sub(epoch).Seconds()}, args...)...)
		}
		p.world.note = p.say
	}
	p.fair = p.weather.loss == 0 && p.failures == 0
	for _, h := range p.handsets {
		p.fair = p.fair && h.dark.IsZero() && h.behaviour.Refuse == 0 && h.behaviour.Doubt < phone.NeverFresh && !h.behaviour.Stall
	}
	p.dialAll()
	p.disturb()
	p.play(epoch.Add(p.length()))
	p.together()
	// The storm is over, and whoever still talks comes to an end.
	p.calm()
	p.tuned()
	p.joined()
	p.finish()
	p.untilQuiet()
	p.giveUp()
	p.over()
	p.world.audit()
	return p
}

// length is how long the phones are left to themselves.
func (p *run) length() time.Duration {
	d := time.Duration(1+p.r.IntN(4)) * time.Minute
	if p.patient {
		d += 4 * time.Minute
	}
	return d
}

// joined checks that no party has waited for the media of a new one for longer than
// it may ring.
func (p *run) joined() {
	for id, since := range p.world.owed {
		if p.world.now.Sub(since) > p.world.config.RingTimeout+time.Minute {
			p.world.fail("call %s: since %v a party waits to be offered the media of another", id, since.Sub(epoch))
		}
	}
}

// play plays until a time, or until nothing will happen any more: sessions that
// are refreshed go on for ever.
func (p *run) play(until time.Time) {
	for p.world.now.Before(until) && p.step() {
		if p.steps++; p.steps > 100_000 {
			p.world.fail("it never comes to rest")
			return
		}
		if p.code > 0 && p.r.Float64() < p.code {
			if err := p.world.shard.Recode(); err != nil {
				p.world.fail("%v", err)
			}
		}
	}
}

// untilQuiet plays until nothing will happen any more, or for longer than anything
// is waited for.
func (p *run) untilQuiet() { p.play(p.world.now.Add(10 * time.Minute)) }

// together checks that no phone is left talking to itself: that a phone that
// talks does so with another that does, or will soon be told, or cannot be.
func (p *run) together() {
	since := make([]time.Time, len(p.pairs)) // when one of a pair was first seen to talk alone
	for p.torn(since) && p.step() {
		p.steps++
	}
	if p.transfers() > 0 || p.turns {
		return // who talks to whom is for the transfer's flows to say
	}
	for _, pair := range p.pairs {
		a, b := pair[0], pair[1]
		if a.unreachable() || b.unreachable() || p.waits(a) || p.waits(b) {
			continue
		}
		if a.talks() != b.talks() {
			p.world.fail("%s (%+v) is %v, while %s (%+v) is %v", a.name, a.behaviour, a.State(), b.name, b.behaviour, b.State())
		}
		one := p.world.legs[a.CallID()] == p.world.legs[b.CallID()]
		apart := a.ended.Sub(b.ended).Abs()
		if one && a.talked && b.talked && !a.ended.IsZero() && !b.ended.IsZero() && apart > limitApart && a.twin == nil && b.twin == nil {
			p.world.fail("%s and %s ended %v apart", a.name, b.name, apart)
		}
	}
}

// torn reports whether a phone talks alone that has not done so for long.
func (p *run) torn(since []time.Time) bool {
	torn := false
	for i, pair := range p.pairs {
		switch {
		case pair[0].talks() == pair[1].talks(), p.waits(pair[0]), p.waits(pair[1]):
			since[i] = time.Time{}
		case since[i].IsZero():
			since[i], torn = p.world.now, true
		default:
			torn = torn || p.world.now.Sub(since[i]) < limitApart
		}
	}
	return torn
}

// waits reports whether a phone talks to us alone: the platform has asked for its call, or it was
// asked for an extension, and the other one rings, or could not be reached.
func (p *run) waits(h *handset) bool {
	found := false
	if h = h.talking(); h != nil {
		p.world.shard.Calls(func(c *call.Call) bool {
			found = found || (c.Order.On || c.Greeted.On) && c.CallID(call.Caller) == h.CallID() && c.Record.AnsweredAt.IsZero()
			return !found
		})
	}
	return found
}

// transfers counts the calls that are records of a transfer alone.
func (p *run) transfers() int {
	n := 0
	for _, l := range p.world.calls {
		if l.transfer {
			n++
		}
	}
	return n
}

// limitApart is how much later than the other a phone may learn of the end: a
// BYE waits for an ACK 64*T1 at most, and is repeated for as long.
const limitApart = 70 * time.Second

// finish ends the calls that are left in one of the ways that there are.
func (p *run) finish() {
	way := p.r.IntN(3)
	for try := 0; try == 0 || try < 5 && p.live() > 0; try++ { // a transfer may be on its way still
		switch {
		case way == 0:
			p.world.shard.HangUp(p.world.now, "", cdr.EndHangup)
			p.world.drain()
		case way == 1 || try > 0: // what only dead phones are in
			p.silence()
		default:
			for _, h := range p.handsets {
				h.HangUp(p.world.now)
				p.collect(h)
			}
		}
		p.play(p.world.now.Add(10 * time.Minute))
	}
}

// live is how many calls there are.
func (p *run) live() int { return p.world.shard.Stats().LiveCalls }

// giveUp ends what no gateway can: what a phone waits for that rings, and whose
// every word on it was lost, so that it cannot be told that the caller has gone
// (RFC 3261 section 9.1); the ringing of two phones of one number, which is the
// switch's to end; what one waits for that has missed all repetitions of a message;
// and what one rings for that has refused the same INVITE before it was restarted.
func (p *run) giveUp() {
	for _, h := range p.handsets {
		if h.State() == phone.Ringing && (!p.heard[h.rings] || h.second || h.twin != nil || h.refused[h.rings]) ||
			h.starved() {
			h.HangUp(p.world.now)
			p.collect(h)
		}
	}
	p.untilQuiet()
}

// over checks the phones when there is no call any more.
func (p *run) over() {
	for _, h := range p.handsets {
		if s := h.State(); s != phone.Ended && s != phone.Idle {
			p.world.fail("%s (%+v) is %v when all is over", h.name, h.behaviour, s)
		}
		if h.Expired() && p.fair && !h.unreachable() {
			p.world.fail("%s (%+v) was not told in time that its session goes on", h.name, h.behaviour)
		}
		if h.Busy() {
			p.world.fail("%s (%+v) still waits when all is over", h.name, h.behaviour)
		}
		if h.Malformed() > 0 {
			p.world.fail("%s received %d messages that are none", h.name, h.Malformed())
		}
	}
	p.judge()
	if len(p.invited)+p.orders+p.transfers() != len(p.world.calls) {
		p.world.fail("%d INVITEs came, %d calls were ordered, and %d recorded, %d of them transfers", len(p.invited), p.orders,
			len(p.world.calls), p.transfers())
	}
}

// pressedTo is how often each key was pressed by those who may be in a call with a phone: the
// other of its pair, and across the first two pairs, who share bindings; and by who has left a
// call that goes on.
func (p *run) pressedTo(pair, side int) map[byte]int {
	may := []*handset{p.pairs[pair][1-side]}
	if pair < 2 && side == pair && len(p.pairs) > 1 {
		may = append(may, p.pairs[1-pair][1-side])
	}
	times := maps.Clone(p.strays)
	for _, h := range may {
		for ; h != nil; h = h.twin {
			for key, n := range h.pressed {
				times[key] += n
			}
		}
	}
	return times
}

// judge collects what the phones have to complain of, and checks the keys that
// they were told of.
func (p *run) judge() {
	for _, h := range p.handsets {
		if v := h.Violations(); len(v) > 0 && !h.starved() && !h.forgot && h.behaviour.DeadAfter == 0 {
			p.world.fail("%s (%+v) complains:\n%s", h.name, h.behaviour, strings.Join(v, "\n"))
		}
	}
	for i, pair := range p.pairs {
		for side, h := range pair {
			pressed := p.pressedTo(i, side)
			for to := h; to != nil; to = to.twin {
				for key, times := range pressed {
					if heard := strings.Count(to.Digits(), string(key)); heard > times {
						p.world.fail("%s has heard the key %c %d times, and who may talk to it has pressed it %d times", to.name, key, heard, times)
					}
				}
			}
		}
	}
}
