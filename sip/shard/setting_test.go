package shard_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media"
	"mask700/sip/call"
	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/phone"
	"mask700/sip/token"
	"mask700/sip/trunk"
)

// newRun draws the world of a seed: trunks, weather, phones and bindings.
func newRun(r *rand.Rand, seed uint64) *run {
	sides := [2]flow.Network{flow.UDP, flow.UDP}
	for i := range sides {
		if r.IntN(4) == 0 {
			sides[i] = flow.TCP
		}
	}
	wreck := ""
	older := blockOf(seed) != "70010000001"
	long := r.IntN(40) == 0
	w := newWorld(seed, flow.UDP, func(c *call.Config) {
		if older {
			c.Plan.Legacy = []binding.LegacyRange{{Prefix: "17000", Length: 11}}
		}
		c.RingTimeout = []time.Duration{time.Minute, 3 * time.Minute}[r.IntN(2)]
		c.Plan.Strangers = true
		c.TurnTimeout = []time.Duration{time.Second, 5 * time.Second, 20 * time.Second}[r.IntN(3)]
		for i := range sides {
			c.Hops[i][0].Flow.Network = sides[i]
			vary(r, c.Trunks[i])
			if long {
				c.RingTimeout = 3 * time.Minute
				c.Trunks[i].Reliable, c.Trunks[i].MinSession = trunk.ReliableSupported, 0
				c.Trunks[i].SessionTimer = []time.Duration{0, 90 * time.Second}[r.IntN(2)]
			}
		}
		if i := r.IntN(16); i < 2 { // the better target of one side is down
			broken := hop(uint16(i), sides[i], []string{insideHost, outsideHost}[i], []string{insideWreck, outsideWreck}[i])
			c.Hops[i][0].Priority = 1
			c.Hops[i] = append(c.Hops[i], broken)
			wreck = broken.Target
		}
	})
	p := &run{
		strays:  map[byte]int{},
		network: newNetwork(r, w), seed: seed, patient: long,
		mint: token.NewMint([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), 1}, token.NewRouter(token.Secret{}, 1), 0),
		slow: []time.Duration{time.Millisecond, 30 * time.Millisecond, 3 * time.Second}[r.IntN(3)],
	}
	p.wreck = wreck
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
	if r.IntN(4) == 0 {
		p.code = 0.02 // it costs as much as a hundred steps
	}
	if r.IntN(3) == 0 {
		p.failures = 3
	}
	if p.patient {
		p.weather.loss, p.weather.late, p.fails, p.failures = 0, 0, 0, 0
	}
	w.send = p.network.send
	w.ask = p.later
	if w.refers = r.IntN(3) == 0; p.patient {
		w.refers = r.IntN(2) == 0
	}
	pairs := 1 + r.IntN(3)
	if p.patient {
		pairs = 2
	}
	for i := range pairs {
		a, b := p.handset(0, i, sides[0]), p.handset(1, i, sides[1])
		p.pairs = append(p.pairs, [2]*handset{a, b})
		row := binding.Binding{
			ID: "binding" + string(rune('a'+i)), Mode: binding.ModeAXB, X: mustX(fmt.Sprintf(blockOf(seed)+"%04d", r.IntN(2))),
			A: mustNumber(a.number), B: mustNumber(b.number), CreatedAt: epoch.Add(-time.Hour), Record: i == 1,
		}
		if r.IntN(8) == 0 && !p.patient {
			row.MaxDuration = time.Duration(1+r.IntN(20)) * time.Second
		}
		if r.IntN(12) == 0 && !p.patient {
			row.OneWay = binding.OneWayAToB
		}
		w.rows = append(w.rows, row)
	}
	if w.refers {
		for _, t := range w.trunks {
			t.Refer = trunk.ReferAllow
		}
	}
	w.rows = append(w.rows, binding.Binding{
		ID: "extension", Mode: binding.ModeAXE, X: mustX(extended), A: mustNumber(p.pairs[0][1].number), Extension: extension,
		CreatedAt: epoch.Add(-time.Hour),
	})
	if len(p.pairs) > 1 {
		w.rows = append(w.rows, binding.Binding{
			ID: "joint", Mode: binding.ModeAXB, X: mustX(joint), A: mustNumber(p.pairs[0][0].number),
			B:         mustNumber(p.pairs[1][1].number),
			CreatedAt: epoch.Add(-time.Hour),
		}, binding.Binding{
			ID: "turn", Mode: binding.ModeGXB, X: mustX(inTurn), B: mustNumber(p.pairs[0][0].number), Back: binding.BackInTurn,
			Group:     []binding.Number{mustNumber(p.pairs[0][1].number), mustNumber(p.pairs[1][1].number)},
			CreatedAt: epoch.Add(-time.Hour),
		})
	}
	return p
}

// blockOf is the block on which the pairs of a seed are bound: one in five has an older range.
func blockOf(seed uint64) string {
	if seed%5 == 3 {
		return "1700012"
	}
	return "70010000001"
}

// Targets of the two sides that are down.
const insideWreck, outsideWreck = "192.0.2.8:5060", "198.51.100.8:5060"

// accountPassword is what phones ask for that ask who we are, and account whose it is.
const accountPassword = "of the gateway alone"

var account = digest.Account{User: "gateway", Password: digest.NewSecret(accountPassword)}

// vary draws the settings of a trunk.
func vary(r *rand.Rand, t *trunk.Trunk) {
	t.EarlyMedia = []string{trunk.EarlyPass, trunk.EarlyRinging}[r.IntN(2)]
	t.Identity = []string{trunk.IdentityNone, trunk.IdentityPAI, trunk.IdentityRPID}[r.IntN(3)]
	t.Reliable = []string{trunk.ReliableSupported, trunk.ReliableSupported, trunk.ReliableSupported, trunk.ReliableOff,
		trunk.ReliableRequired}[r.IntN(5)]
	t.SessionTimer = []time.Duration{0, 0, 90 * time.Second, 30 * time.Minute}[r.IntN(4)]
	t.Prompt = []string{trunk.PromptNone, trunk.PromptEarly, trunk.PromptAnswer}[r.IntN(3)]
	t.DTMF = []string{"", "", trunk.DTMFInfo}[r.IntN(3)]
	t.Auth = &account
	t.MinSession = []time.Duration{0, 0, 2 * time.Minute}[r.IntN(3)]
}

// dialAll lets the phones call: one of a pair or both, once or twice, and now
// and then a number that is not bound for them.
func (p *run) dialAll() {
	for i, pair := range p.pairs {
		if p.patient && i > 0 {
			return // they wait for the transfer
		}
		x := p.world.rows[i].X.String()
		for range 1 + p.r.IntN(2) {
			h := pair[p.r.IntN(2)]
			number := x
			switch {
			case i == 0 && len(p.pairs) > 1 && h == pair[0] && p.r.IntN(3) == 0:
				number, p.turns = inTurn, true
			case i == 0 && h == pair[0] && !p.patient && p.r.IntN(4) == 0:
				if number = extended; p.r.IntN(6) == 0 {
					number += extension // which it knows
				}
			case p.r.IntN(15) == 0:
				number = []string{"700100000019999", "70010000001", "13800000000", "anybody"}[p.r.IntN(4)]
			}
			asked := p.r.IntN(5) == 0
			at := epoch.Add(time.Duration(p.r.IntN(6000)) * time.Millisecond)
			if number == extended {
				for range 2 + p.r.IntN(4) {
					p.agenda.put(at.Add(time.Duration(p.r.IntN(12_000))*time.Millisecond), p.press)
				}
			}
			p.agenda.put(at, func() {
				switch s := h.State(); {
				case asked:
					p.order(h, number)
				case s == phone.Idle || s == phone.Ended:
					h.Dial(p.world.now, number)
					p.collect(h)
				}
			})
		}
	}
}

// order lets the platform ask for a call from a phone to who is reached over a number, if
// that is one.
func (p *run) order(h *handset, number string) {
	x, err := p.world.config.Plan.ParseX(number)
	if err != nil {
		return
	}
	o := call.Order{Caller: mustNumber(h.number), Query: binding.Query{Dialled: x}, Trunk: int(h.flow.Listener)}
	for _, r := range p.world.rows {
		if r.OnX(x) && slices.ContainsFunc(r.Edges(), func(e binding.Edge) bool { return e.Caller == o.Caller }) {
			o.Binding = r.ID
		}
	}
	if _, err := p.world.shard.Place(p.world.now, o); err == nil {
		p.orders++
		p.world.drain()
	}
}

// disturb lets the operator, the media and the administrator come in between.
func (p *run) disturb() {
	if p.patient {
		return
	}
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
	for range p.r.IntN(8) {
		p.agenda.put(someday(), p.press)
	}
	for _, h := range p.handsets {
		if p.r.IntN(15) == 0 {
			p.agenda.put(someday(), func() {
				h.forgot = true
				h.Restart(p.world.now)
				p.collect(h)
			})
		}
	}
}

// press lets parties press keys that end with us, by telephone events: the digits that a caller is
// asked for, most of them right, and what the other party is told of in INFOs.
func (p *run) press() {
	type party struct {
		call string
		side call.Side
	}
	var may []party
	p.world.shard.Calls(func(c *call.Call) bool {
		l := p.world.ledger(c.ID)
		for s := range l.remotes {
			if side := call.Side(s); l.media && (endsHere(l.remotes[s]) || side == call.Caller && c.Extension.On) {
				may = append(may, party{c.ID, side})
			}
		}
		return true
	})
	slices.SortFunc(may, func(a, b party) int { return cmp.Or(strings.Compare(a.call, b.call), cmp.Compare(a.side, b.side)) })
	for _, who := range may {
		for n, key := range []byte([]string{extension, extension, extension + "#", "*" + extension, "21", "1#", "9"}[p.r.IntN(7)]) {
			p.agenda.put(p.world.now.Add(time.Duration(n)*300*time.Millisecond), func() { p.pressed(who.call, who.side, key) })
		}
	}
}

// pressed is one of these keys, if its call is still there.
func (p *run) pressed(id string, side call.Side, key byte) {
	session, found := 0, false
	p.world.shard.Calls(func(c *call.Call) bool {
		if c.ID != id {
			return true
		}
		session, found = c.Session, true
		if c.Extension.On {
			return false
		}
		p.keys++
		if i := slices.IndexFunc(p.handsets, func(h *handset) bool { return h.CallID() == c.CallID(side) }); i >= 0 {
			p.handsets[i].pressed[key]++
		} else {
			p.strays[key]++ // it has dialled anew, and its former call is still there
		}
		return false
	})
	if found && p.world.ledger(id).media {
		p.world.shard.Answer(p.world.now, id, call.KeyHeard{Session: session, Side: side, Key: key, Length: 160 * time.Millisecond})
		p.world.drain()
	}
}

// silence lets media run dry.
func (p *run) silence() {
	sessions := map[string]int{}
	p.world.shard.Calls(func(c *call.Call) bool {
		sessions[c.ID] = c.Session
		return true
	})
	for _, id := range slices.Sorted(maps.Keys(sessions)) {
		if p.world.ledger(id).media {
			p.world.shard.Answer(p.world.now, id, call.MediaSilent{Session: sessions[id]})
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
