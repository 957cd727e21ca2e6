package shard_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/phone"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/trunk"
)

var (
	interleavings = flag.Int("interleavings", 1600, "how many random runs of TestInterleavings")
	oneSeed       = flag.Uint64("seed", 0, "play only this run of TestInterleavings, and say what happens in it")
)

// TestInterleavings plays phones of every behaviour against one shard over a
// network that loses, doubles and reorders, with a store, media and a journal
// that answer when they like, and an operator who hangs up. Each run follows from
// its seed. When all is quiet it must hold that
//
//   - every transaction has ended and every table is empty;
//   - the phones of a call have ended it, and within a bounded time of each other;
//   - each INVITE has one record, opened before the callee heard of the call and
//     closed before either party heard of its end;
//   - media was closed as often as opened;
//   - no phone has seen anything of another.
func TestInterleavings(t *testing.T) {
	if *oneSeed != 0 {
		interleave(t, *oneSeed, t.Logf)
		return
	}
	const batches = 4
	for b := range uint64(batches) {
		t.Run(fmt.Sprint("batch ", b), func(t *testing.T) {
			t.Parallel()
			began, runs, steps, virtual, answered := time.Now(), 0, 0, time.Duration(0), uint64(0)
			for seed := 1 + b; seed <= uint64(*interleavings) && !t.Failed(); seed += batches {
				p := interleave(t, seed, func(string, ...any) {})
				runs++
				steps += p.steps
				virtual += p.world.now.Sub(epoch)
				answered += p.world.shard.Stats().Answered
			}
			t.Logf("%d runs in %v: %d steps, %v of virtual time, %d calls answered",
				runs, time.Since(began).Round(time.Millisecond), steps, virtual.Round(time.Hour), answered)
		})
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
	p.say = func(format string, args ...any) {
		say("%8.3f "+format, append([]any{p.world.now.Sub(epoch).Seconds()}, args...)...)
	}
	p.world.note = p.say
	p.dialAll()
	p.disturb()
	p.untilQuiet()
	p.together()
	// The storm is over, and whoever still talks comes to an end.
	p.weather = weather{delay: 20 * time.Millisecond}
	p.fails = 0
	p.finish()
	p.untilQuiet()
	p.giveUp()
	p.over()
	p.world.audit()
	return p
}

func newRun(r *rand.Rand, seed uint64) *run {
	sides := [2]flow.Network{flow.UDP, flow.UDP}
	for i := range sides {
		if r.IntN(4) == 0 {
			sides[i] = flow.TCP
		}
	}
	w := newWorld(seed, flow.UDP, func(c *call.Config) {
		for i := range sides {
			c.Hops[i][0].Flow.Network = sides[i]
			c.Trunks[i].EarlyMedia = []string{trunk.EarlyPass, trunk.EarlyRinging}[r.IntN(2)]
			c.Trunks[i].Identity = []string{trunk.IdentityNone, trunk.IdentityPAI, trunk.IdentityRPID}[r.IntN(3)]
		}
	})
	p := &run{
		network: &network{
			r: r, agenda: &agenda{}, world: w, order: newSequence(), sent: map[string]bool{},
			invited: map[string]bool{}, heard: map[string]bool{}, asked: map[string]time.Time{},
		},
		seed: seed, mint: token.NewMint([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), 1}, token.NewRouter(token.Secret{}, 1), 0),
		slow: []time.Duration{time.Millisecond, 30 * time.Millisecond, 3 * time.Second}[r.IntN(3)],
	}
	p.weather = weather{
		loss: []float64{0, 0.05, 0.25}[r.IntN(3)], twice: []float64{0, 0.1}[r.IntN(2)],
		delay: []time.Duration{time.Millisecond, 50 * time.Millisecond, time.Second}[r.IntN(3)],
	}
	if r.IntN(10) == 0 {
		p.fails = 0.2
	}
	if r.IntN(3) == 0 {
		p.weather.late = 0.03
	}
	if r.IntN(2) == 0 {
		p.code = 0.05
	}
	if r.IntN(3) == 0 {
		p.failures = 3
	}
	w.send = p.network.send
	w.ask = p.later
	for i := range 1 + r.IntN(3) {
		a, b := p.handset(0, i, sides[0]), p.handset(1, i, sides[1])
		p.pairs = append(p.pairs, [2]*handset{a, b})
		row := binding.Binding{
			ID: "binding" + string(rune('a'+i)), Mode: binding.ModeAXB, X: mustX(fmt.Sprintf("70010000001%04d", r.IntN(2))),
			A: mustNumber(a.number), B: mustNumber(b.number), CreatedAt: epoch.Add(-time.Hour),
		}
		if r.IntN(8) == 0 {
			row.MaxDuration = time.Duration(1+r.IntN(20)) * time.Second
		}
		if r.IntN(12) == 0 {
			row.OneWay = binding.OneWayAToB
		}
		w.rows = append(w.rows, row)
	}
	return p
}

// handset makes the phone of a number, or the two phones.
func (p *run) handset(side uint16, i int, network flow.Network) *handset {
	at := address(side, i)
	name := fmt.Sprintf("%s%c", []string{"inner", "outer"}[side], 'a'+i)
	number := fmt.Sprintf("1%d%08d", []int{38, 39}[side], 1000*(i+1)+int(p.seed%1000))
	party := p.world.guard.add(name, number, at.String(), "name-of-"+name, "agent-of-"+name, "origin-of-"+name)
	h := p.phone(party, at, side, uint64(i), network)
	if network == flow.UDP && p.r.IntN(6) == 0 {
		h.twin = p.phone(party, address(side, i+50), side, uint64(i+50), network)
		h.twin.second = true
		h.twin.name += " twin"
	}
	return h
}

// phone makes a phone of a random behaviour.
func (p *run) phone(party *secrets, at netip.AddrPort, side uint16, i uint64, network flow.Network) *handset {
	r := p.r
	h := &handset{
		name: party.name, number: party.number, secrets: party, host: at, behaviour: behave(r),
		flow: flow.Flow{
			Listener: side, Network: network, Remote: at,
			Local: netip.MustParseAddrPort([]string{insideHost, outsideHost}[side]),
		},
	}
	if network.Reliable() {
		h.flow.Conn = uint64(1+side)*100 + i
		h.flow.Remote = netip.AddrPortFrom(at.Addr(), ephemeral)
	}
	session := 700_000_000_000 + uint64(side)*1000 + i
	voice := phone.Voice(netip.AddrPortFrom(at.Addr(), 40000), session)
	party.learn(fmt.Sprint(session))
	party.hosts = append(party.hosts, h.host, h.flow.Remote)
	h.Phone = phone.New(phone.Config{
		User: h.number, Host: at.String(), Server: h.flow.Local.String(), Network: network, Mint: p.mint,
		Timers: transaction.DefaultTimers(), Ring: time.Duration(r.IntN(8)) * time.Second * time.Duration(r.IntN(2)),
		SDP: func(offer []byte) []byte {
			return []byte(strings.Replace(string(voice(offer)), "o=-", "o=origin-of-"+party.name, 1))
		},
		Name:      "name-of-" + party.name,
		Headers:   []string{"User-Agent: agent-of-" + party.name, "P-Asserted-Identity: <sip:" + h.number + "@" + at.String() + ">"},
		Behaviour: h.behaviour,
	}, epoch)
	if r.IntN(6) == 0 {
		h.dark = epoch.Add(time.Duration(r.IntN(10_000)) * time.Millisecond)
		h.light = h.dark.Add([]time.Duration{3 * time.Second, 20 * time.Second, 2 * time.Minute}[r.IntN(3)])
	}
	p.handsets = append(p.handsets, h)
	return h
}

// behave draws a behaviour: mostly a good one, with each fault now and then, and
// any of them together.
func behave(r *rand.Rand) phone.Behaviour {
	var b phone.Behaviour
	maybe := func(in int) bool { return r.IntN(in) == 0 }
	soon := func() time.Duration { return time.Duration(1+r.IntN(8000)) * time.Millisecond }
	b.Silent, b.Early, b.Abrupt = maybe(20), maybe(4), maybe(10)
	b.NeverAnswer, b.AnswerCancelled = maybe(12), maybe(12)
	b.LateOffer, b.LateReinvite = maybe(6), maybe(3)
	b.NoACK, b.DeafACK = maybe(25), maybe(25)
	if maybe(8) {
		b.Reject = []int{302, 401, 403, 404, 480, 486, 488, 491, 500, 503, 600, 603}[r.IntN(12)]
	}
	if maybe(6) {
		b.CancelAfter = soon()
	}
	if maybe(10) {
		b.LateACK = soon()
	}
	if maybe(2) {
		b.ByeAfter = soon()
	}
	if maybe(3) {
		b.ReinviteAfter = soon()
	}
	if maybe(8) {
		b.Refuse = []int{403, 408, 481, 488, 491, 500}[r.IntN(6)]
	}
	b.Stall = maybe(12)
	if maybe(15) {
		b.DeadAfter = soon()
	}
	return b
}

// dialAll lets the phones call: one of a pair or both, once or twice, and now
// and then a number that is not bound for them.
func (p *run) dialAll() {
	for i, pair := range p.pairs {
		x := p.world.rows[i].X.String()
		for range 1 + p.r.IntN(2) {
			h := pair[p.r.IntN(2)]
			number := x
			if p.r.IntN(15) == 0 {
				number = []string{"700100000019999", "70010000001", "13800000000", "anybody"}[p.r.IntN(4)]
			}
			p.agenda.put(epoch.Add(time.Duration(p.r.IntN(6000))*time.Millisecond), func() {
				if s := h.State(); s == phone.Idle || s == phone.Ended {
					h.Dial(p.world.now, number)
					p.collect(h)
				}
			})
		}
	}
}

// disturb lets the operator, the media and the administrator come in between.
func (p *run) disturb() {
	someday := func() time.Time { return epoch.Add(time.Duration(p.r.IntN(20_000)) * time.Millisecond) }
	if p.r.IntN(5) == 0 {
		p.agenda.put(someday(), func() {
			p.world.shard.HangUp(p.world.now, "", cdr.EndHangup)
			p.world.drain()
		})
	}
	if p.r.IntN(5) == 0 {
		p.agenda.put(someday(), p.silence)
	}
	if p.r.IntN(20) == 0 {
		p.agenda.put(someday(), func() { p.world.shard.Drain(true) })
	}
}

// silence lets media run dry.
func (p *run) silence() {
	for _, id := range p.world.order {
		if p.world.calls[id].media {
			p.world.shard.Answer(p.world.now, id, call.MediaSilent{})
			p.world.drain()
		}
	}
}

// later answers a question when it likes, and now and then with an error.
func (p *run) later(q question) {
	fails := p.r.Float64() < p.fails
	p.agenda.put(p.world.now.Add(time.Duration(p.r.Int64N(int64(p.slow)))), func() {
		if fails {
			p.world.store, p.world.ports = errDisk, media.ErrNoPorts
		}
		p.world.answer(q)
		p.world.store, p.world.ports = nil, nil
		p.world.drain()
	})
}

// untilQuiet plays until nothing will happen any more.
func (p *run) untilQuiet() {
	for p.step() {
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

// together checks that no phone is left talking to itself: that when all is
// quiet a phone that still talks does so with another that does, or that could not
// be told.
func (p *run) together() {
	for _, pair := range p.pairs {
		a, b := pair[0], pair[1]
		if a.unreachable() || b.unreachable() {
			continue
		}
		if a.talks() != b.talks() {
			p.world.fail("%s (%+v) is %v, while %s (%+v) is %v", a.name, a.behaviour, a.State(), b.name, b.behaviour, b.State())
		}
		apart := a.ended.Sub(b.ended).Abs()
		if a.talked && b.talked && !a.ended.IsZero() && !b.ended.IsZero() && apart > limitApart && a.twin == nil && b.twin == nil {
			p.world.fail("%s and %s ended %v apart", a.name, b.name, apart)
		}
	}
}

// talks reports whether one of the phones of a number does.
func (h *handset) talks() bool {
	return h.State() == phone.Talking || h.twin != nil && h.twin.State() == phone.Talking
}

// unreachable reports whether a phone of the number has lost its memory, or all
// repetitions of a message.
func (h *handset) unreachable() bool {
	return h.behaviour.DeadAfter > 0 || h.starved() || h.twin != nil && h.twin.unreachable()
}

// limitApart is how much later than the other a phone may learn of the end: a
// BYE waits for an ACK 64*T1 at most, and is repeated for as long.
const limitApart = 70 * time.Second

// finish ends the calls that are left in one of the ways that there are.
func (p *run) finish() {
	switch p.r.IntN(3) {
	case 0:
		p.world.shard.HangUp(p.world.now, "", cdr.EndHangup)
		p.world.drain()
	case 1:
		p.silence()
	default:
		for _, h := range p.handsets {
			h.HangUp(p.world.now)
			p.collect(h)
		}
		p.untilQuiet()
		p.silence() // what only dead phones were in
	}
}

// giveUp ends what no gateway can: what a phone waits for that rings, and whose
// every word on it was lost, so that it cannot be told that the caller has gone
// (RFC 3261 section 9.1); the ringing of two phones of one number, which is the
// switch's to end; and what one waits for that has missed all repetitions of a
// message.
func (p *run) giveUp() {
	for _, h := range p.handsets {
		if h.State() == phone.Ringing && (!p.heard[h.rings] || h.second || h.twin != nil) || h.starved() {
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
		if h.Busy() {
			p.world.fail("%s (%+v) still waits when all is over", h.name, h.behaviour)
		}
		if h.Malformed() > 0 {
			p.world.fail("%s received %d messages that are none", h.name, h.Malformed())
		}
	}
	if len(p.invited) != len(p.world.calls) {
		p.world.fail("%d INVITEs came, and %d calls were recorded", len(p.invited), len(p.world.calls))
	}
}
