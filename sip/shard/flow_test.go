package shard_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/limit"
	"mask700/binding/rule"
	"mask700/media"
	"mask700/media/sdp"
	"mask700/sip/call"
	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
	"mask700/sip/text"
)

// TestFlows plays the flows of testdata/flows; the README there says how to read
// and to write one. With -rewrite what happens becomes what is expected: then
// read every line that changed with the RFC at hand.
func TestFlows(t *testing.T) {
	datadriven.Walk(t, "../../testdata/flows", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		s := newScene()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.world.fail = t.Errorf
			return s.play(t, d)
		})
		s.world.fail = t.Errorf
		s.settle()
	})
}

// scene is a flow that is being played.
type scene struct {
	world   *world
	actors  map[string]*actor
	order   *sequence
	names   *names
	full    bool
	waiting []question
	sent    map[string]bool // messages that left, by their bytes
	finals  [][]byte        // final answers to INVITEs and MESSAGEs
	invites map[string]bool // branches of those outside of a dialog
	merged  int             // of them, those answered 482
	orders  int             // calls that the platform has asked for
	limits  limit.Set
	judge   *limit.Judge // nil: there are no limits
	whole   bool         // calls are left as they are: another test encodes them
	b       strings.Builder
}

// Numbers of the bindings: 7 is live, 8 has expired, 9 may be dialled by the
// callee only, all between the caller and the callee; 11 is between the caller and
// a guest, 12 between the stranger and the callee; over 13 the caller reaches the
// callee, and then the guest; over 17 these, and then a friend; over 18 the guest, and then the friend.
func newScene() *scene {
	s := &scene{
		world: newWorld(1, flow.UDP, nil), actors: map[string]*actor{}, order: newSequence(), names: newNames(),
		sent: map[string]bool{}, invites: map[string]bool{},
	}
	w := s.world
	w.ask = func(q question) {
		if q.kind == "played" { // it takes its time
			s.waiting = append(s.waiting, q)
			return
		}
		w.answer(q)
	}
	w.send, w.note = s.shows, func(format string, args ...any) { s.line(format, args...) }
	w.held = func(b binding.Block) bool { return b.String() == "70010000001" || b.String() == "1700012" }
	for _, a := range []struct {
		name, number, host string
		listener           uint16
	}{
		{"caller", "13800000001", "192.0.2.10:5060", 0},
		{"callee", "13900000002", "198.51.100.20:5060", 1},
		{"stranger", "13600000004", "192.0.2.30:5060", 0},
		{"guest", "13500000005", "198.51.100.40:5060", 1},
		{"friend", "13500000006", "198.51.100.60:5060", 1},
	} {
		s.actors[a.name] = newActor(w, a.name, a.number, a.host, a.listener)
	}
	s.actors["callee"].secrets.learn("13700000003")
	pair := binding.Binding{
		ID: "pair", Mode: binding.ModeAXB, X: mustX("700100000010007"), A: mustNumber("13800000001"), B: mustNumber("13900000002"),
		Order: "order", Tenant: "default", CreatedAt: epoch.Add(-24 * time.Hour),
	}
	old, oneWay := pair, pair
	old.ID, old.X, old.ExpiresAt = "old", mustX("700100000010008"), epoch.Add(-time.Hour)
	oneWay.ID, oneWay.X, oneWay.OneWay = "oneway", mustX("700100000010009"), binding.OneWayBToA
	guest, inner := pair, pair
	guest.ID, guest.X, guest.B = "guest", mustX("700100000010011"), mustNumber("13500000005")
	inner.ID, inner.X, inner.A = "inner", mustX("700100000010012"), mustNumber("13600000004")
	turn := binding.Binding{
		ID: "turn", Mode: binding.ModeGXB, X: mustX("700100000010013"), B: mustNumber("13800000001"), Back: binding.BackInTurn,
		Group: []binding.Number{mustNumber("13900000002"), mustNumber("13500000005")}, Order: "order", Tenant: "default", CreatedAt: pair.CreatedAt,
	}
	extension := binding.Binding{
		ID: "extension", Mode: binding.ModeAXE, X: mustX("700100000010014"), A: mustNumber("13900000002"), Extension: "1234",
		Order: "order", Tenant: "default", CreatedAt: pair.CreatedAt,
	}
	shorter := extension
	shorter.ID, shorter.A, shorter.Extension = "shorter", mustNumber("13500000005"), "77"
	three := turn
	three.ID, three.X = "three", mustX("700100000010017")
	three.Group = []binding.Number{mustNumber("13900000002"), mustNumber("13500000005"), mustNumber("13500000006")}
	away := turn
	away.ID, away.X, away.Group = "away", mustX("700100000010018"), three.Group[1:]
	w.rows = []binding.Binding{pair, old, oneWay, guest, inner, turn, extension, shorter, three, away}
	return s
}

func (s *scene) line(format string, args ...any) {
	at := s.world.now.Sub(epoch).Seconds()
	s.b.WriteString(s.names.replace(fmt.Sprintf("%7.2f  %s", at, fmt.Sprintf(format, args...))) + "\n")
}

// play does one line of a flow and returns what came of it.
func (s *scene) play(t *testing.T, d *datadriven.TestData) string {
	w := s.world
	args := make([]string, 0, len(d.CmdArgs))
	for _, a := range d.CmdArgs {
		args = append(args, a.String())
	}
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch d.Cmd {
	case "world":
		s.set(t, args)
	case "recv":
		a := s.actors[first]
		b, err := a.write(d.Input)
		switch {
		case err != nil && w.leaky:
			return "" // what it answers was not sent
		case err != nil:
			t.Fatal(err)
		}
		s.receive(a, b)
	case "repeat":
		s.receive(s.actors[first], s.actors[first].last)
	case "answer":
		i := slices.IndexFunc(s.waiting, func(q question) bool { return q.kind == first })
		switch {
		case i < 0 && w.leaky:
			return "" // the call has ended before
		case i < 0:
			t.Fatalf("nothing waits for %s", first)
		}
		q := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		w.answer(q)
		w.drain()
	case "advance":
		by, err := time.ParseDuration(first)
		if err != nil {
			t.Fatal(err)
		}
		s.advance(w.now.Add(by))
	case "fail":
		switch first {
		case "store":
			w.store = errDisk
		case "ports":
			w.ports = media.ErrNoPorts
		case "media":
			w.ports = errDisk
		case "keys":
			w.keys = errDisk
		default:
			w.store, w.ports, w.keys = nil, nil, nil
		}
	case "hangup":
		if w.shard.HangUp(w.now, "", "hangup") == 0 && !w.leaky {
			t.Error("nothing to hang up")
		}
		w.drain()
	case "order":
		s.places(t, s.actors[first], args[1:]...)
	case "drain":
		w.shard.Drain(true)
	case "key":
		s.press(t, first, args)
	case "silent":
		for _, id := range w.order {
			w.shard.Answer(w.now, id, call.MediaSilent{})
		}
		w.drain()
	case "record":
		for _, id := range w.order {
			s.line("record   %s", summary(w.calls[id].record))
		}
	case "alike":
		s.alike(t)
	default:
		t.Fatalf("no such command: %s", d.Cmd)
	}
	s.recode()
	out := s.b.String()
	s.b.Reset()
	return out
}

// press has a party's media tell of a key, as it does where telephone events end here.
func (s *scene) press(t *testing.T, who string, args []string) {
	side := call.Caller
	if who == "callee" {
		side = call.Callee
	}
	length := 100 * time.Millisecond
	if len(args) > 2 {
		length, _ = time.ParseDuration(args[2])
	}
	heard := false
	s.world.shard.Calls(func(c *call.Call) bool {
		l := s.world.calls[c.ID]
		if heard = l.media && endsHere(l.remotes[side]); heard {
			s.world.shard.Answer(s.world.now, c.ID, call.KeyHeard{Session: c.Session, Side: side, Key: args[1][0], Length: length})
		}
		return !heard
	})
	if !heard && !s.world.leaky {
		t.Errorf("no key of the %s is told of", who)
	}
	s.world.drain()
}

// endsHere reports whether telephone events of a party do.
func endsHere(m sdp.RemoteMedia) bool {
	return slices.ContainsFunc(m.Types, func(t sdp.PayloadType) bool { return t.Map >= sdp.EndsHere })
}

// set changes the world before the first message.
func (s *scene) set(t *testing.T, args []string) {
	w := s.world
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		by, _ := time.ParseDuration(value)
		switch name {
		case "full":
			s.full = true
		case "manual":
			w.ask = func(q question) { s.waiting = append(s.waiting, q) }
		case "ringing":
			w.trunks[1].EarlyMedia = "ringing"
		case "pai", "rpid":
			w.trunks[1].Identity = name
		case "caller-srtp":
			w.trunks[0].SRTP = value
		case "callee-srtp":
			w.trunks[1].SRTP = value
		case "t38":
			w.trunks[0].T38, w.trunks[1].T38 = value, value
		case "video":
			w.trunks[0].Video, w.trunks[1].Video = value, value
		case "caller-dtmf":
			w.trunks[0].DTMF = value
		case "callee-dtmf":
			w.trunks[1].DTMF = value
		case "mux":
			w.trunks[1].RTCPMux = value
		case "ring":
			w.config.RingTimeout = by
		case "prompt":
			w.trunks[0].Prompt = value
		case "rebound":
			s.rebound()
		case "older":
			s.older(by)
		case "strangers":
			w.config.Plan.Strangers = true
		case "attempts":
			w.config.Prompts.Attempts, _ = strconv.Atoi(value)
		case "minute":
			w.config.Prompts.LastMinute = true
		case "finished":
			w.config.Prompts.OrderFinished = by
		case "limit":
			w.rows[0].MaxDuration = by
		case "recorded":
			for i := range w.rows {
				w.rows[i].Record = true
			}
		case "reliable":
			w.trunks[0].Reliable, w.trunks[1].Reliable = value, value
		case "session":
			w.trunks[0].SessionTimer, w.trunks[1].SessionTimer = by, by
		case "least":
			w.trunks[0].MinSession, w.trunks[1].MinSession = by, by
		case "refer":
			w.trunks[0].Refer, w.trunks[1].Refer, w.refers = "allow", "allow", true
		case "auth":
			w.trunks[1].Auth = &digest.Account{User: "gateway", Password: digest.NewSecret("not to be told")}
		case "calls":
			w.trunks[1].MaxCalls, _ = strconv.Atoi(value)
		case "texts":
			var on bool
			if w.config.Texts.Numbers, on = text.ParsePolicy(value); !on {
				w.config.Texts.On = false
			}
		case "tenant-texts":
			w.tenant.Texts = value
		case "binding-texts":
			w.rows[0].Texts = binding.Texts(value)
		case "sliding":
			for i := range w.rows {
				w.rows[i].Sliding = by
				if w.rows[i].ExpiresAt.IsZero() {
					w.rows[i].ExpiresAt = epoch.Add(by)
				}
			}
		case "calls-limit", "texts-limit", "all-limit":
			s.limit(t, strings.TrimSuffix(name, "-limit"), strings.ReplaceAll(value, "_", " "))
		case "barred": // who never is to be connected with whom
			who, peer, _ := strings.Cut(value, "_")
			bars := new(bindingtest.Store)
			_, err := bars.AddBar(t.Context(), binding.Bar{ID: "bar", Number: mustNumber(who), Peer: mustNumber(peer), Direction: binding.BarBoth})
			if err != nil {
				t.Fatal(err)
			}
			w.rules = append(w.rules, rule.Bars{Store: bars})
		case "longest":
			w.config.Texts.Longest, _ = strconv.Atoi(value)
		case "targets":
			second := hop(1, flow.UDP, outsideHost, "198.51.100.8:5060")
			second.Priority = 1
			w.config.Hops[1] = append(w.config.Hops[1], second)
		case "networks":
			second := hop(1, flow.UDP, "198.51.100.129:5060", "198.51.100.138:5060")
			second.Priority = 1
			w.config.Hops[1] = append(w.config.Hops[1], second)
		default:
			t.Fatalf("world: no %s", name)
		}
	}
}

// older has an older range that lasts so long, 0 for good: over 17000120034 the caller and the callee reach each other, over
// 17000120035 the caller and the guest, and over 17000120036 the caller reaches the callee, who sees 17000120037.
func (s *scene) older(lasts time.Duration) {
	w := s.world
	r := binding.LegacyRange{Prefix: "17000", Length: 11}
	if lasts > 0 {
		r.Until = epoch.Add(lasts - 1)
	}
	w.config.Plan.Legacy = []binding.LegacyRange{r}
	pair, guest, two := w.rows[0], w.rows[0], w.rows[0]
	pair.ID, pair.X = "older", mustX("17000120034")
	guest.ID, guest.X, guest.B = "olderguest", mustX("17000120035"), mustNumber("13500000005")
	two.ID, two.Mode, two.X, two.Y = "oldertwo", binding.ModeAXYB, mustX("17000120036"), mustX("17000120037")
	w.rows = append(w.rows, pair, guest, two)
}

// rebound has numbers that two of another tenant had are meals' now: on one the caller may only be called, on one it
// calls the guest.
func (s *scene) rebound() {
	for i, way := range []binding.OneWay{binding.OneWayBToA, binding.BothWays} {
		former := s.world.rows[0]
		former.ID, former.X, former.Tenant = fmt.Sprintf("former%d", i+1), mustX(fmt.Sprintf("70010000001001%d", 5+i)), "rides"
		former.EndedAt = epoch.Add(-time.Hour)
		now := former
		now.ID, now.Tenant, now.Order, now.Data, now.IndustrialID = fmt.Sprintf("now%d", i+1), "meals", "M-1", "dish", "industry"
		now.B, now.OneWay, now.CreatedAt, now.EndedAt = mustNumber("13500000005"), way, former.EndedAt, time.Time{}
		s.world.rows = append(s.world.rows, former, now)
	}
}

// places lets the platform ask for a call from an actor to who is reached over a number, by the binding of that id or by
// the last one on the number.
func (s *scene) places(t *testing.T, a *actor, over ...string) {
	w := s.world
	o := call.Order{Caller: mustNumber(a.number), Query: binding.Query{Dialled: mustX(over[0])}, Trunk: int(a.listener)}
	for _, r := range w.rows {
		if r.OnX(o.Query.Dialled) && (len(over) == 1 || r.ID == over[1]) {
			o.Binding = r.ID
		}
	}
	if o.Binding == "" {
		t.Fatalf("no such binding: %v", over)
	}
	if _, err := w.shard.Place(w.now, o); err != nil {
		s.line("platform <- %v", err)
		return
	}
	s.orders++
	w.drain()
}

// limit has one more limit hold.
func (s *scene) limit(t *testing.T, kind, text string) {
	for _, k := range limit.Kinds {
		if k.String() == kind {
			r, err := limit.ParseRule(k, text)
			if err != nil {
				t.Fatal(err)
			}
			s.limits.Rules[k] = append(s.limits.Rules[k], r)
		}
	}
	if s.limits.Mode == "" {
		s.limits.Mode = limit.Enforce
		s.judge = limit.New(limit.Options{Memory: 1 << 20, Now: func() time.Time { return s.world.now }})
		s.world.rules = append(s.world.rules, s.judge)
	}
	if err := s.judge.Use(s.limits, nil); err != nil {
		t.Fatal(err)
	}
}

// receive hands an actor's bytes to the shard.
func (s *scene) receive(a *actor, b []byte) {
	if m, _ := message.Parse(b); m != nil && m.IsRequest() && len(m.Via) > 0 {
		s.order.received(m)
		if m.To.Tag == "" && (m.Method == "INVITE" || m.Method == "MESSAGE" && s.world.config.Texts.On) {
			s.invites[m.Via[0].Branch] = true
		}
	}
	s.world.receive(a.flow(), b)
}

// recode replaces every live call by what its encoding decodes to, so that each
// flow also proves that a call can go on after a restart, wherever it stands.
func (s *scene) recode() {
	if s.whole {
		return
	}
	if err := s.world.shard.Recode(); err != nil {
		s.world.fail("%v", err)
	}
}

// advance moves the time from one timer to the next.
func (s *scene) advance(to time.Time) {
	for next, ok := s.world.shard.Next(); ok && !next.After(to); next, ok = s.world.shard.Next() {
		if !next.After(s.world.now) {
			next = s.world.now.Add(10 * time.Millisecond) // a tick
		}
		s.world.advance(next)
		s.recode()
	}
	s.world.advance(to)
}

// settle lets everything come to its end and checks the books.
func (s *scene) settle() {
	for len(s.waiting) > 0 {
		q := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.world.answer(q)
		s.world.drain()
	}
	s.world.ask = s.world.answer
	s.advance(s.world.now.Add(10 * time.Minute))
	s.world.audit()
	records := 0
	for _, l := range s.world.calls {
		if !l.transfer {
			records++
		}
	}
	if n := len(s.invites) - s.merged + s.orders; n != records {
		s.world.fail("%d INVITEs, MESSAGEs and orders have left %d records", n, records)
	}
}

// shows writes down a message that leaves, gives it to the party that it is for,
// and checks that it fits.
func (s *scene) shows(send shard.Send) {
	to := s.world.guard.receiver(send)
	m, fault := message.Parse(send.Bytes)
	if to == nil || fault != nil {
		return // the world has complained
	}
	again := ""
	if s.sent[string(send.Bytes)] {
		again = " again"
	}
	s.sent[string(send.Bytes)] = true
	s.order.leaving(s.world.fail, m, again != "")
	head, body, _ := strings.Cut(string(send.Bytes), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	start := strings.TrimPrefix(strings.TrimSuffix(lines[0], " SIP/2.0"), "SIP/2.0 ")
	if !m.IsRequest() {
		start += " (" + m.Method + ")"
	}
	at := ""
	if send.Flow.Remote != to.hosts[0] {
		at = " at " + send.Flow.Remote.String()
	}
	s.line("-> %s%s%s: %s", to.name, at, again, start)
	if again != "" {
		return
	}
	s.details(lines[1:], body)
	if (m.Method == "INVITE" || m.Method == "MESSAGE") && m.Status >= 200 {
		s.finals = append(s.finals, send.Bytes)
	}
	if m.Status == 482 {
		s.merged++
	}
	s.actors[to.name].sees(m)
}

// noted are the headers that are written down even where the whole is not.
var noted = []string{
	"Route", "Record-Route", "Allow", "Accept", "Require", "Supported", "Unsupported", "Retry-After", "Reason",
	"P-Asserted-Identity", "Remote-Party-ID", "RSeq", "RAck", "Session-Expires", "Min-SE", "Event", "Subscription-State",
	"Authorization", "Proxy-Authorization",
}

func (s *scene) details(headers []string, body string) {
	put := func(text string) { s.b.WriteString(s.names.replace("           "+text) + "\n") }
	for _, h := range headers {
		name, _, _ := strings.Cut(h, ":")
		switch {
		case s.full:
			put("| " + h)
		case slices.Contains(noted, name):
			put(h)
		}
	}
	switch {
	case body == "":
	case s.full:
		put("|")
		for _, l := range strings.Split(strings.TrimSuffix(body, "\r\n"), "\r\n") {
			put("| " + l)
		}
	default:
		put(brief(body))
	}
}

// brief is a session description of ours in one line.
func brief(body string) string {
	if !strings.HasPrefix(body, "v=0") {
		return fmt.Sprintf("body %q", body)
	}
	var version, addr, direction string
	var streams []string
	picture := false
	for _, l := range strings.Split(body, "\r\n") {
		f := strings.Fields(l)
		switch {
		case strings.HasPrefix(l, "o="):
			version = f[2]
		case strings.HasPrefix(l, "c="):
			addr = f[2]
		case strings.HasPrefix(l, "m="):
			proto := ""
			if strings.Contains(f[2], "SAVP") {
				proto = " " + f[2]
			}
			picture = f[0] == "m=video"
			streams = append(streams, f[0][2:]+" "+f[1]+proto+" types "+strings.Join(f[3:], ","))
		case strings.HasPrefix(l, "a=crypto:"):
			streams = append(streams, "key "+strings.TrimPrefix(f[0], "a=crypto:")+" "+f[1])
		case l == "a=rtcp-mux":
			streams = append(streams, "mux")
		case l == "a=sendrecv" || l == "a=sendonly" || l == "a=recvonly" || l == "a=inactive":
			if picture {
				streams = append(streams, l[2:])
			} else {
				direction = l[2:]
			}
		}
	}
	return strings.TrimSpace(fmt.Sprintf("sdp version %s, %s, %s %s", version, addr, strings.Join(streams, ", "), direction))
}

// alike compares all final answers to INVITEs so far: apart from what they echo
// of their requests they have to be the same bytes.
func (s *scene) alike(t *testing.T) {
	kinds := map[string]bool{}
	for _, b := range s.finals {
		lines := strings.Split(string(b), "\r\n")
		for i, l := range lines {
			switch name, _, _ := strings.Cut(l, ":"); name {
			case "Via", "From", "To", "Call-ID", "CSeq":
				lines[i] = name
			}
		}
		kinds[strings.Join(lines, "\r\n")] = true
	}
	s.line("%d final answers, of %d kinds", len(s.finals), len(kinds))
	if len(kinds) != 1 || len(s.finals) < 2 {
		t.Error("the answers can be told apart")
	}
}
