package phone

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
)

const s = time.Second

// play is one call between a caller and the phones that it calls.
type play struct {
	name    string
	phones  []Behaviour
	ring    time.Duration
	lose    map[string]int
	until   time.Duration
	states  []State
	finals  []int
	sent    string           // all, or what has to be among it when it begins with "..."
	answers map[string][]int // that the caller got
}

func run(t *testing.T, plays []play) {
	for _, test := range plays {
		t.Run(test.name, func(t *testing.T) {
			l := connect(t, flow.UDP, test.ring, test.phones...)
			for n, k := range test.lose {
				l.lose[n] = k
			}
			l.phones[0].Dial(epoch, "700100000010000")
			l.until(test.until)
			l.want(test.states, test.finals)
			if part, ok := strings.CutPrefix(test.sent, "..."); !ok {
				l.wantSent(test.sent)
			} else if got := strings.Join(l.sent, ", "); !strings.Contains(got, part) {
				t.Errorf("sent %s\nwant in it %s", got, part)
			}
			for method, want := range test.answers {
				if got := l.phones[0].Answers(method); !slices.Equal(got, want) {
					t.Errorf("%s was answered %v, want %v", method, got, want)
				}
			}
		})
	}
}

func states(all ...State) []State { return all }

func finals(all ...int) []int { return all }

func TestReliable(t *testing.T) {
	rel, must := Behaviour{Reliable: Supported}, Behaviour{Reliable: Required}
	early := Behaviour{Reliable: Supported, Early: true}
	talking, ok := states(Talking, Talking), finals(200, 200)
	with := func(b Behaviour, change func(*Behaviour)) Behaviour {
		change(&b)
		return b
	}
	run(t, []play{
		{name: "180", phones: []Behaviour{rel, rel}, ring: s, until: 5 * s, states: talking, finals: ok,
			sent:    "caller INVITE, callee 100, callee 180, caller PRACK, callee 200, callee 200, caller ACK",
			answers: map[string][]int{"PRACK": {200}}},
		{name: "only the caller knows", phones: []Behaviour{rel, {}}, ring: s, until: 5 * s, states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, caller ACK"},
		{name: "only the callee knows", phones: []Behaviour{{}, rel}, ring: s, until: 5 * s, states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, caller ACK"},
		{name: "the caller requires what the callee lacks", phones: []Behaviour{must, {}}, ring: s, until: 40 * s,
			states: states(Ended, Idle), finals: finals(420, 0), sent: "caller INVITE, callee 420, caller ACK"},
		{name: "the callee requires what the caller lacks", phones: []Behaviour{{}, must}, ring: s, until: 40 * s,
			states: states(Ended, Idle), finals: finals(421, 0), sent: "caller INVITE, callee 421, caller ACK"},
		{name: "both require", phones: []Behaviour{must, must}, ring: s, until: 5 * s, states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "answer in 183", phones: []Behaviour{rel, early}, ring: s, until: 5 * s, states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 183, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "the 2xx waits for the PRACK", phones: []Behaviour{with(rel, func(b *Behaviour) { b.LosePRACK = 2 }), early},
			until:  5 * s,
			states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 183, callee 183, callee 183, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "the 2xx does not wait for that of a 180", phones: []Behaviour{with(rel,
			func(b *Behaviour) { b.LosePRACK = 1 }), rel},
			until: 5 * s, states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller PRACK, callee 200"},
		{name: "offer in 183, answer in PRACK", phones: []Behaviour{with(rel, func(b *Behaviour) { b.LateOffer = true }),
			early}, ring: s,
			until: 5 * s, states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 183, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "offer in PRACK", phones: []Behaviour{with(rel, func(b *Behaviour) { b.OfferInPRACK = true }), early},
			ring: s, until: 5 * s,
			states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 183, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "never a PRACK", phones: []Behaviour{with(rel, func(b *Behaviour) { b.NoPRACK = true }), early}, ring: s,
			until:  100 * s,
			states: states(Ended, Ended), finals: finals(504, 504),
			sent: "caller INVITE, callee 100, callee 183, callee 183, callee 183, callee 183, callee 183, callee 183, callee 183, " +
				"callee 504, caller ACK"},
		{name: "never a PRACK for a 180", phones: []Behaviour{with(rel, func(b *Behaviour) { b.NoPRACK = true }), rel},
			ring: s, until: 20 * s,
			states: talking, finals: ok, sent: "caller INVITE, callee 100, callee 180, callee 180, callee 200, caller ACK"},
		{name: "a wrong RAck first", phones: []Behaviour{with(rel, func(b *Behaviour) { b.WrongRAck = true }), early},
			ring: s, until: 5 * s,
			states: talking, finals: ok,
			sent:    "caller INVITE, callee 100, callee 183, caller PRACK, caller PRACK, callee 481, callee 200, callee 200, caller ACK",
			answers: map[string][]int{"PRACK": {481, 200}}},
		{name: "a wrong RAck alone", phones: []Behaviour{with(rel, func(b *Behaviour) {
			b.WrongRAck, b.NoPRACK = true,
				true
		}), early}, ring: s,
			until: 100 * s, states: states(Ended, Ended), finals: finals(504, 504),
			sent: "...caller PRACK, callee 481, callee 183, callee 183, callee 183, callee 183, callee 183, callee 183, callee 504, caller ACK"},
		{name: "one after the other", phones: []Behaviour{rel, {Reliable: Supported, Progress: []Notice{
			{Status: 180}, {Status: 183, SDP: true}, {Status: 182}, {After: 2 * s, Status: 180}}}}, ring: 3 * s, until: 9 * s,
			states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, caller PRACK, callee 200, callee 183, caller PRACK, callee 200, callee 182, " +
				"caller PRACK, callee 200, callee 180, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "the first copy is lost", phones: []Behaviour{rel, early}, ring: s, until: 5 * s, states: talking, finals: ok,
			lose: map[string]int{"callee 183": 2},
			sent: "caller INVITE, callee 100, callee 183, callee 183, callee 183, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "the answer to the PRACK is lost", phones: []Behaviour{rel, early}, ring: s, until: 5 * s, states: talking,
			finals: ok,
			lose:   map[string]int{"callee 200": 1},
			sent:   "caller INVITE, callee 100, callee 183, caller PRACK, callee 200, caller PRACK, callee 200, callee 200, caller ACK"},
		{name: "cancelled while it waits", phones: []Behaviour{with(rel, func(b *Behaviour) {
			b.LosePRACK,
				b.CancelAfter = 1, 200*time.Millisecond
		}),
			early}, ring: 9 * s, until: 90 * s, states: states(Ended, Ended), finals: finals(487, 487),
			sent: "caller INVITE, callee 100, callee 183, caller CANCEL, callee 200, callee 487, caller ACK, caller PRACK, callee 481"},
		{name: "many", phones: []Behaviour{{}, {Progress: []Notice{{Status: 180}, {Status: 181}, {Status: 182},
			{Status: 183, SDP: true}, {Status: 180},
			{Status: 183, SDP: true}, {Status: 180}, {Status: 183}, {Status: 180}, {Status: 180}, {Status: 183},
			{Status: 199}}}}, ring: s,
			until: 5 * s, states: talking, finals: ok, sent: "...callee 183, callee 199, callee 200, caller ACK"},
	})
}

// TestDescriptionsInReliable checks where the descriptions were.
func TestDescriptionsInReliable(t *testing.T) {
	l := connect(t, flow.UDP, s, Behaviour{Reliable: Supported, LateOffer: true}, Behaviour{Reliable: Supported, Early: true})
	bodies := map[string]bool{}
	l.tamper = func(name string, b []byte) []byte {
		bodies[name] = bodies[name] || bytes.Contains(b, []byte("m=audio"))
		return b
	}
	l.phones[0].Dial(epoch, "1")
	l.until(5 * s)
	l.want(states(Talking, Talking), finals(200, 200))
	for name, want := range map[string]bool{
		"caller INVITE": false, "callee 183": true, "caller PRACK": true, "callee 200": false, "caller ACK": false,
	} {
		if bodies[name] != want {
			t.Errorf("%s has a description: %t", name, bodies[name])
		}
	}
	for i, p := range l.phones {
		if p.RemoteSDP() == nil {
			t.Errorf("phone %d does not know where to send", i)
		}
	}
}
