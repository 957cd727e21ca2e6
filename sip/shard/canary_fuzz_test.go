package shard_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/sip/canary"
	"mask700/sip/shard"
)

// FuzzSecrets grows the messages of a whole call from the grammar, with secrets of
// their writer in them, drives a shard with them, and finds none on the other side.
// The bytes choose first what the trunks are like, then step by step who sends what
// and how it is written; tale is what it begins with: a call of two, texts, a transfer,
// several who are called in turn, a call that the platform asks for.
func FuzzSecrets(f *testing.F) {
	for _, seed := range []string{
		"", "\x01\x02\x03\x04\x05\x06\x07\x08\x09", strings.Repeat("\x01", 200), strings.Repeat("\x00\x01\x02", 100),
		strings.Repeat("\x05\x01\x03\x02", 120), strings.Repeat("\x02\x07\x01\x05\x0b\x0d\x11", 90), strings.Repeat("kanari", 80),
		"\x00\x00\x00\x05\x00\x00\x01\x04\x02\x01\x00\x03" + strings.Repeat("\x04\x09\x01\x01", 100),
	} {
		for tale := range tales {
			f.Add([]byte(seed), byte(tale))
		}
	}
	f.Fuzz(func(t *testing.T, choices []byte, tale byte) {
		if len(choices) > 4096 {
			return // no call is longer
		}
		newGrown(t, choices, tale).play()
	})
}

// grown is a call of which a fuzzer chooses everything.
type grown struct {
	t      *testing.T
	scene  *scene
	finder *canary.Finder
	grower map[string]*grower
	left   []byte
	tale   tale
	who    []string // who speaks
	words  map[string]string
	asked  map[string]string // who was sent a request of a method last

	searched int // messages that left
}

func newGrown(t *testing.T, choices []byte, of byte) *grown {
	g := &grown{
		t: t, scene: newScene(), finder: canary.NewFinder(), grower: map[string]*grower{}, left: choices,
		tale: tales[int(of)%len(tales)], words: map[string]string{}, asked: map[string]string{},
	}
	g.who = everybody[:g.tale.speak]
	s := g.scene
	s.whole = true
	s.world.fail = func(format string, args ...any) {
		if strings.Contains(format, "the sentinel") { // there was nothing to stop
			t.Errorf(format, args...)
		} // what a peer makes of it is not looked at here
	}
	for i, name := range g.who {
		a := s.actors[name]
		d := newDresser(i+1, a, plainly, func() bool { return true })
		g.grower[name] = &grower{d: d, left: &g.left}
		a.dress = g.grower[name].grow
		host := netip.MustParseAddrPort(a.host).Addr().String()
		g.finder.Add(a.number)
		g.finder.AddHost(netip.MustParseAddr(host))
		g.finder.Add(keysOf(name))
		g.words[a.number], g.words[host], g.words[keysOf(name)] = name, name, name
	}
	s.world.send = func(out shard.Send) {
		g.leaves(out)
		s.shows(out)
	}
	settings := []string{"pai", "rpid", "ringing", "reliable=supported", "session=90s", "refer", "caller-srtp=allow", "callee-srtp=allow", "t38=allow",
		"mux=offer", "prompt=early", "prompt=answer", "recorded", "auth", "targets"}
	for range g.pick(4) {
		s.set(t, settings[g.pick(len(settings)):][:1])
	}
	s.set(t, g.tale.world)
	return g
}

func (g *grown) pick(n int) int { return g.grower["caller"].pick(n) }

// leaves searches a message for what the party that it is for has not written.
func (g *grown) leaves(out shard.Send) {
	g.searched++
	to := everybody[out.Flow.Listener]
	if p := g.scene.world.guard.receiver(out); p != nil {
		to = p.name
	}
	if method, _, _ := strings.Cut(string(out.Bytes[:min(16, len(out.Bytes))]), " "); !strings.HasPrefix(method, "SIP/") {
		g.asked[method] = to
	}
	hits := g.finder.Find(out.Bytes)
	if head, words, ok := bytes.Cut(out.Bytes, []byte("\r\n\r\n")); ok && bytes.HasPrefix(head, []byte("MESSAGE ")) {
		hits = append(g.finder.Find(head), g.said(words)...)
	}
	for _, h := range hits {
		if strings.Contains(h.How, ", ") && canary.IsMark(h.Mark) && canary.Party(h.Mark) >= 0 && !g.planted(h.Mark) {
			continue // what is drawn at random looks like an address now and then, once it is decoded
		}
		if g.writer(h.Mark) != to {
			g.t.Fatalf("the %s is sent %s of the %s (%s):\n%s", to, h.Mark, g.writer(h.Mark), h.How, out.Bytes)
		}
	}
}

// planted reports whether somebody has written a mark.
func (g *grown) planted(mark string) bool {
	for _, w := range g.grower {
		if w.d.of[mark] != "" {
			return true
		}
	}
	return false
}

// writer is whose a mark is: its number says so.
func (g *grown) writer(mark string) string {
	if name := g.words[mark]; name != "" {
		return name
	}
	for i, name := range g.who {
		if canary.Party(mark) == i+1 {
			return name
		}
	}
	return "nobody"
}

// say has an actor send something, if it can.
func (g *grown) say(name, text string) {
	a := g.scene.actors[name]
	if b, err := a.write(text); err == nil {
		g.scene.receive(a, b)
	}
}

// Steps of a call, between its beginning and its end.
var (
	requests = []string{"INVITE\nsdp", "INVITE\nsdp sendonly", "INVITE", "UPDATE\nsdp", "UPDATE", "INFO\nContent-Type: application/dtmf-relay\nbody Signal=5\\r\\nDuration=160\\r\\n",
		"PRACK", "BYE", "CANCEL", "ACK", "ACK\nsdp", "REFER\nRefer-To: <sip:700100000010011@192.0.2.1>", "NOTIFY", "MESSAGE\nContent-Type: text/plain\nbody x",
		"OPTIONS", "SUBSCRIBE", "PUBLISH", "DANCE", "INVITE 700100000010007\nsdp", "OPTIONS 700100000010007"}
	statuses = []string{"100", "180", "180\nRSeq: 1\nRequire: 100rel\nsdp", "183\nsdp", "199", "200\nsdp", "200", "200 BYE", "200 UPDATE\nsdp", "200 INFO", "200 PRACK",
		"200 CANCEL", "202 REFER", "301", "302", "380", "401", "407", "404", "415", "420", "422", "423", "486", "487", "488", "491", "494", "500", "503", "600", "606",
		"415 INFO", "481 BYE", "491 UPDATE", "500 UPDATE\nRetry-After: 5"}
)

// advance moves the time from one timer to the next, of which there are only so many.
func (g *grown) advance(by time.Duration) {
	w := g.scene.world
	to := w.now.Add(by)
	for n := 0; ; n++ {
		next, ok := w.shard.Next()
		if !ok || next.After(to) {
			break
		}
		if n == 10_000 {
			g.t.Fatalf("10000 timers within %v", by)
		}
		w.advance(next.Add(10 * time.Millisecond)) // a tick, where it is due already
	}
	w.advance(to)
}

func (g *grown) play() {
	g.tale.begin(g)
	asked, answered := requests, statuses
	if g.tale.speak > 2 {
		asked, answered = append(requests, moreRequests...), append(statuses, moreStatuses...)
	}
	for range g.tale.steps {
		if len(g.left) == 0 {
			break
		}
		who := g.who[g.pick(len(g.who))]
		switch g.pick(6) {
		case 0, 1:
			g.say(who, asked[g.pick(len(asked))])
		case 2, 3:
			g.say(who, answered[g.pick(len(answered))])
		case 4:
			g.scene.receive(g.scene.actors[who], g.scene.actors[who].last)
		case 5:
			g.advance([]time.Duration{500 * time.Millisecond, 5 * time.Second, 40 * time.Second}[g.pick(3)])
		}
	}
	g.say("caller", "BYE")
	for _, name := range g.who[1:] {
		g.say(name, "200 BYE")
	}
	g.advance(5 * time.Minute)
}

// call is one of the caller to the callee, as a rule answered.
func (g *grown) call() {
	g.say("caller", []string{"INVITE 700100000010007\nsdp", "INVITE 700100000010007"}[g.pick(8)/7])
	for range g.pick(3) {
		g.say("callee", statuses[g.pick(5)])
	}
	if g.pick(4) == 1 {
		g.say("callee", statuses[13+g.pick(19)])
	} else {
		g.say("callee", "200\nsdp")
	}
	g.say("caller", []string{"ACK", "ACK\nsdp"}[g.pick(2)])
}

// TestGrownCalls plays calls of random choices: enough of them are answered, transferred and
// so on, so that the fuzzer does not only search refusals.
func TestGrownCalls(t *testing.T) {
	for i, tale := range tales {
		calls := grownCalls
		if i > 0 {
			calls /= 2
		}
		r := rand.New(rand.NewPCG(1, 2))
		reached, marks, searched := 0, 0, 0
		for range calls {
			choices := make([]byte, 100+r.IntN(900))
			for i := range choices {
				choices[i] = byte(r.IntN(256))
			}
			g := newGrown(t, choices, byte(i))
			g.play()
			for _, l := range g.scene.world.calls {
				if tale.reached(&l.record) {
					reached++
				}
			}
			searched += g.searched
			for _, w := range g.grower {
				marks += len(w.d.of)
			}
		}
		t.Logf("%s: of %d %d reached what they are about, %d marks, %d messages searched", tale.name, calls, reached, marks, searched)
		if reached < calls/tale.least || marks < 10*calls || searched < 5*calls {
			t.Errorf("%s: of %d %d reached what they are about; %d marks, %d messages searched", tale.name, calls, reached, marks, searched)
		}
	}
}
