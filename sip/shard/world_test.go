package shard_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/lookup"
	"mask700/binding/rule"
	"mask700/media"
	"mask700/media/sdp"
	"mask700/media/srtp"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/trunk"
)

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Our side of the two networks. Nothing of one may be seen in the other.
const (
	insideNet, outsideNet   = "192.0.2.", "198.51.100."
	insideHost, outsideHost = "192.0.2.1:5060", "198.51.100.1:5060"
	insideHop, outsideHop   = "192.0.2.9:5060", "198.51.100.9:5060" // the switches behind which the phones are
	insidePort, outsidePort = 20000, 30000                          // our first media ports
)

// errDisk is what a store says that cannot write.
var errDisk = errors.New("disk full")

// world is a shard with what it asks: bindings, media ports, a journal. All
// answers are exact about what was asked and when, and complain about anything
// that is asked out of turn.
type world struct {
	fail   func(format string, args ...any)
	now    time.Time
	shard  *shard.Shard
	trunks []*trunk.Trunk
	config *call.Config
	guard  *guard

	held   func(binding.Block) bool
	rows   []binding.Binding
	store  error // what the next answers of the store say
	ports  error
	keys   error      // the media takes no key
	rules  rule.Chain // asked after the match; a tenant has no settings but those of the flow
	tenant binding.Tenant

	calls    map[string]*ledger // by the call's id
	order    []string           // ids in order of their first question
	legs     map[string]string  // the id of the record by the Call-ID of a leg
	whose    map[string]string  // and of the call, whose record is another after a transfer
	seq      uint64
	sessions int
	owed     map[string]time.Time // since when a party of a call waits to be offered the media of a new one
	refers   bool                 // transfers are allowed: the store is asked for them too

	stopped []call.LeakStopped // messages that the sentinel has stopped
	leaky   bool               // there are some to be stopped

	texts map[string]reading // what has been read of messages that leave
	byes  map[string]bool    // answers to BYEs that have left

	// What the world does not do itself.
	send func(shard.Send)
	ask  func(question)
	note func(format string, args ...any)
}

// reading is what a message says, and what is wrong with it.
type reading struct {
	message *message.Message
	fault   *message.Fault
}

// read reads a message that is on its way: each once, however many look at it.
func (w *world) read(b []byte) (*message.Message, *message.Fault) {
	r, ok := w.texts[string(b)]
	if !ok {
		r.message, r.fault = message.Parse(b)
		w.texts[string(b)] = r
	}
	return r.message, r.fault
}

// ledger is what one call has asked for.
type ledger struct {
	via                string // topmost, of what is answered to the caller's INVITE
	callID             string // of the caller
	decided            int
	opened, closed     int // rows asked for
	openOnDisk, onDisk bool
	ports, portsClosed int
	open               int // sessions of media that are open
	remotes            [2]sdp.RemoteMedia
	media              bool                 // ports are open
	places             map[[2]int]sdp.Local // of our media, by session and side
	transfers          int                  // how often it was transferred
	transfer           bool                 // it is the record of one
	record             cdr.Record
	invited            bool        // the callee's INVITE was sent
	text               bool        // it is no call
	words              string      // of the text
	asked              bool        // for an extension: what the caller hears of us is no ringing
	rang               bool        // the caller was told of ringing or early media
	tone               call.Prompt // that plays to the caller
	ordered            bool        // the platform has asked for it
	placed             int         // how often it was told what has become of that
}

// question waits for an answer.
type question struct {
	call  string
	kind  string // decided, media, opened, played, ended, closed
	event func() call.Event
}

func newWorld(seed uint64, network flow.Network, change func(*call.Config)) *world {
	w := &world{
		now: epoch, texts: map[string]reading{}, byes: map[string]bool{}, calls: map[string]*ledger{}, legs: map[string]string{}, whose: map[string]string{},
		owed: map[string]time.Time{},
		held: func(binding.Block) bool { return true },
		send: func(shard.Send) {}, note: func(string, ...any) {},
	}
	w.ask, w.guard = w.answer, newGuard(w.read, func(callID string) string { return w.whose[callID] })
	w.trunks = []*trunk.Trunk{
		{Index: 0, Name: "inside", RouteTo: "outside", Listen: "in", Media: "in", EarlyMedia: trunk.EarlyPass},
		{Index: 1, Name: "outside", RouteTo: "inside", Listen: "out", Media: "out", EarlyMedia: trunk.EarlyPass},
	}
	w.config = &call.Config{
		Timers: transaction.DefaultTimers(), RingTimeout: time.Minute, TurnTimeout: 20 * time.Second, Trunks: w.trunks,
		Prompts: call.Prompts{Attempts: 3, FirstDigit: 5 * time.Second, NextDigit: 5 * time.Second}, Texts: call.Texts{On: true},
		Hops: [][]call.Hop{{hop(0, network, insideHost, insideHop)}, {hop(1, network, outsideHost, outsideHop)}},
	}
	w.rules = rule.Chain{rule.Tenants{Tenant: func(string) (binding.Tenant, bool) { return w.tenant, true }}}
	if change != nil {
		change(w.config)
	}
	var b [32]byte
	for i := range 8 {
		b[i] = byte(seed >> (8 * i))
	}
	w.shard = shard.New(shard.Config{Seed: b, Router: token.NewRouter(token.Secret{7}, 1), Call: w.config, MaxCalls: 1000}, epoch)
	return w
}

func hop(listener uint16, network flow.Network, host, target string) call.Hop {
	name, _, _ := strings.Cut(host, ":")
	return call.Hop{
		Flow: flow.Flow{Listener: listener, Network: network, Local: netip.MustParseAddrPort(host), Remote: netip.MustParseAddrPort(target)},
		Host: host, Domain: name, Target: target,
	}
}

// receive hands a message of a peer to the shard, as the edge does.
func (w *world) receive(f flow.Flow, frame []byte) {
	m, fault := message.Parse(frame)
	if fault != nil {
		m = fault.Message
	} else if f2 := message.Check(m); f2 != nil {
		if fault = f2; !m.IsRequest() {
			return
		}
	}
	if m == nil || fault != nil && fault.Status == 0 && m.IsRequest() {
		return
	}
	w.shard.Receive(w.now, shard.Inbound{Flow: f, Trunk: w.trunks[f.Listener], Message: m, Fault: fault})
	w.drain()
}

// advance moves the time.
func (w *world) advance(to time.Time) {
	w.now = to
	w.shard.Advance(to)
	w.drain()
}

// drain does what the shard asks for, until it asks for nothing more.
func (w *world) drain() {
	for out := w.shard.Take(); len(out) > 0; out = w.shard.Take() {
		w.shard.Calls(func(c *call.Call) bool {
			l := w.ledger(c.ID)
			if l.via == "" {
				l.text, l.words = c.Text.On, string(c.Text.Body)
				l.callID, l.via, l.ordered = c.Legs[call.Caller].CallID, "nobody's", c.Order.On
				if !l.ordered {
					l.via = c.Legs[call.Caller].Server.Echo.Via[0]
				}
			}
			for i := range c.Legs {
				w.legs[c.Legs[i].CallID], w.whose[c.Legs[i].CallID] = c.Record.ID, c.ID
			}
			waits := c.Legs[call.Caller].Owed == call.OwedMedia || c.Legs[call.Callee].Owed == call.OwedMedia
			if _, ok := w.owed[c.ID]; !ok && waits {
				w.owed[c.ID] = w.now
			} else if !waits {
				delete(w.owed, c.ID)
			}
			for i := range c.Transfers {
				w.legs[c.Transfers[i].Leg.CallID], w.whose[c.Transfers[i].Leg.CallID] = c.Transfers[i].Record.ID, c.ID
			}
			return true
		})
		for _, o := range out {
			w.perform(o)
		}
	}
	if st := w.shard.Stats(); st.LiveCalls == 0 && st.LiveTimer > 2*st.LiveTx {
		w.fail("%d timers run for %d transactions and no call", st.LiveTimer, st.LiveTx)
	}
}

func (w *world) ledger(id string) *ledger {
	l := w.calls[id]
	if l == nil {
		l = &ledger{places: map[[2]int]sdp.Local{}}
		w.calls[id] = l
		w.order = append(w.order, id)
	}
	return l
}

func (w *world) perform(o shard.Output) {
	if o.Action == nil {
		w.inspect(o.Send)
		w.guard.check(w.fail, o.Send)
		w.send(o.Send)
		return
	}
	l := w.ledger(o.Call)
	switch a := o.Action.(type) {
	case call.Decide:
		l.decided++
		verb := "dials"
		if a.Kind == rule.Text {
			verb = "writes to"
		}
		w.note("bindings <- %s %s %s", orNobody(a.Query.Caller), verb, a.Query.Dialled)
		w.put(o.Call, "decided", func() call.Event {
			if w.store != nil {
				return call.Decided{Err: w.store}
			}
			path, attempt := w.path(), lookup.Attempt{Kind: a.Kind, Record: a.Record, Query: a.Query}
			found, err := path.Find(context.Background(), &a.Query)
			answer := path.Decide(context.Background(), &attempt, found)
			answer.Verdict.Evidence = answer.Evidence()
			return call.Decided{Decision: answer.Decision, Verdict: answer.Verdict, Err: err}
		})
	case call.Judge:
		w.note("rules    <- %s to %s over %s", a.Query.Caller, a.Edge.Callee, a.Query.Dialled)
		w.put(o.Call, "judged", func() call.Event {
			path := w.path()
			v, err := path.Turn(context.Background(), &lookup.Attempt{Kind: a.Kind, Record: a.Record, Query: a.Query}, a.Binding, a.Edge)
			return call.Judged{Verdict: v, Err: err}
		})
	case call.OpenMedia:
		l.ports++
		l.asked = a.Asked
		if a.Prompt {
			w.note("media    <- open %s for a prompt", a.Pools[0])
		} else {
			with := ""
			if a.Video {
				with = ", with video"
			}
			w.note("media    <- open %s and %s%s", a.Pools[0], a.Pools[1], with)
		}
		w.put(o.Call, "media", func() call.Event {
			if w.ports != nil {
				return call.MediaOpened{Session: a.Session, Err: w.ports, Full: media.Full(w.ports)}
			}
			l.open++
			l.media = true
			w.sessions++
			local := w.locals(a)
			for side, at := range local {
				l.places[[2]int{a.Session, side}] = at
			}
			return call.MediaOpened{Session: a.Session, Local: local}
		})
	case call.MoveMedia:
		if !l.media {
			w.fail("call %s: media moved that is not open", o.Call)
		}
		w.note("media    <- open toward %s at %v", a.Side, a.Peer.Remote)
		w.put(o.Call, "moved", func() call.Event { return w.moved(l, a) })
	case call.OpenRecord:
		w.unwritten(l, &a.Record)
		if a.Record.ID != o.Call {
			l.transfers++
			l = w.ledger(a.Record.ID)
			l.transfer = true
		}
		l.opened++
		w.note("journal  <- open")
		w.put(o.Call, "opened", func() call.Event {
			if w.store == nil {
				l.openOnDisk = true
			}
			return call.RecordOpened{ID: a.Record.ID, Err: w.store}
		})
	case call.SetRemote:
		if !l.media {
			w.fail("call %s: media set that is not open", o.Call)
		}
		l.remotes[a.Side] = a.Remote
		kind := ""
		if a.Remote.Fax {
			kind += ", fax"
		}
		if !a.Remote.In.IsZero() && !a.Remote.Out.IsZero() {
			kind += ", " + a.Remote.In.Suite().String()
		}
		if a.Remote.Mux {
			kind += ", RTCP on the same port"
		}
		if endsHere(a.Remote) {
			kind += ", its keys end here"
		}
		if a.Video.RTP.IsValid() {
			kind += fmt.Sprintf(", video at %v, sends %t, receives %t", a.Video.RTP, a.Video.Send, a.Video.Recv)
		}
		w.note("media    <- %s is at %v, sends %t, receives %t%s", a.Side, a.Remote.RTP, a.Remote.Send, a.Remote.Recv, kind)
	case call.SettleMedia:
		if !l.media {
			w.fail("call %s: media settled that is not open", o.Call)
		}
		w.note("media    <- settle")
	case call.PlayMedia:
		if !l.media {
			w.fail("call %s: a prompt where no media is open", o.Call)
		}
		if p := l.tone; p != "" { // it would go on for ever
			l.tone = ""
			w.put(o.Call, "stopped", func() call.Event { return call.MediaPlayed{Session: a.Session, Prompt: p} })
		}
		if a.Prompt == "" {
			w.note("media    <- play nothing more to the %s", a.Side)
			return
		}
		w.note("media    <- play %s to the %s", a.Prompt, a.Side)
		switch a.Prompt {
		case call.Ringback, call.Busy, call.Congestion, call.Unobtainable:
			l.tone = a.Prompt
			return
		}
		w.put(o.Call, "played", func() call.Event { return call.MediaPlayed{Session: a.Session, Prompt: a.Prompt} })
	case call.PressKey:
		if !l.media {
			w.fail("call %s: a key where no media is open", o.Call)
		}
		w.note("media    <- press %c for %v to the %s", a.Key, a.Length, a.Side)
		w.put(o.Call, "pressed", func() call.Event { return call.KeyPressed{Tx: a.Tx, OK: w.keys == nil} })
	case call.RecordMedia:
		switch {
		case !l.media:
			w.fail("call %s: recorded where no media is open", o.Call)
		case a.ID != o.Call && !w.ledger(a.ID).transfer:
			w.fail("call %s: recorded under the id of another", o.Call)
		}
		turned := ""
		if a.Turned {
			turned = ", turned"
		}
		w.note("media    <- record%s", turned)
	case call.CloseMedia:
		l.portsClosed++
		if !l.media {
			w.fail("call %s: media closed that is not open", o.Call)
		}
		l.open--
		l.media = l.open > 0
		w.note("media    <- close")
		w.put(o.Call, "ended", func() call.Event {
			return call.MediaEnded{Session: a.Session, Media: cdr.Media{Codec: "PCMA", AtoB: cdr.Flow{Packets: 2}, BtoA: cdr.Flow{Packets: 1}}}
		})
	case call.CloseRecord:
		w.unwritten(l, &a.Record)
		if own := w.ledger(a.Record.ID); a.Record.ID != o.Call && own.opened == 0 { // a transfer that was refused
			l.transfers++
			own.transfer = true
		}
		if l.media && l.transfers == 0 {
			w.fail("call %s: record closed while media is open", o.Call)
		}
		w.rules.Done(&a.Record)
		l = w.ledger(a.Record.ID)
		l.closed++
		l.record = a.Record
		w.note("journal  <- close: %s", summary(a.Record))
		w.put(o.Call, "closed", func() call.Event {
			l.onDisk = true
			w.seq++
			return call.RecordClosed{ID: a.Record.ID, Seq: w.seq, Err: w.store}
		})
	case call.Carried:
		what := "call"
		if l.text {
			what = "text"
		}
		w.note("bindings <- %s carries a %s", a.Binding, what)
		w.slide(a.Binding)
	case call.LeakStopped:
		w.stopped = append(w.stopped, a)
		where := ""
		if a.Written {
			where = ", in what a text says"
		}
		w.note("sentinel <- %s to the %s: %s of the %s, %s%s", a.What, a.To, a.Kind, a.Of, a.Number, where)
		if !w.leaky && !a.Written {
			w.fail("call %s: the sentinel stopped %s to the %s for the %s of the %s", o.Call, a.What, a.To, a.Kind, a.Of)
		}
	case call.Placed:
		l.placed++
		if a.ID != o.Call {
			w.fail("call %s: told as %s", o.Call, a.ID)
		}
		if a.End == "" {
			w.note("platform <- the caller is called")
		} else {
			w.note("platform <- %s, %d %s", a.End, a.Status, a.Refusal)
		}
	case call.HopFailed:
		w.note("route    <- %s did not take the call", a.Hop.Flow.Remote)
	default:
		w.fail("call %s: an action that nobody knows: %T", o.Call, a)
	}
}

// path is the way to an answer in production, over what the world has.
func (w *world) path() *lookup.Path {
	return &lookup.Path{Store: rows{w}, Rules: w.rules, Plan: w.config.Plan}
}

// rows are the bindings of a world as a store.
type rows struct{ *world }

func (r rows) Holds(b binding.Block) bool { return r.held(b) }

func (r rows) Candidates(_ context.Context, x binding.X, _ time.Time) ([]binding.Binding, error) {
	return slices.DeleteFunc(slices.Clone(r.rows), func(b binding.Binding) bool { return !b.OnX(x) }), r.store
}

func (r rows) Binding(_ context.Context, id string) (binding.Binding, error) {
	i := slices.IndexFunc(r.rows, func(b binding.Binding) bool { return b.ID == id })
	switch {
	case r.store != nil:
		return binding.Binding{}, r.store
	case i < 0:
		return binding.Binding{}, binding.ErrNotFound
	}
	return r.rows[i], nil
}

// slide moves the expiry of a binding that carries something, where it has one.
func (w *world) slide(id string) {
	service := binding.Service{Store: slider{w: w}, Now: func() time.Time { return w.now }}
	if err := service.Slide(context.Background(), id); err != nil {
		w.fail("binding %s is not moved: %v", id, err)
	}
}

// slider changes the bindings of a world, and does nothing else of a store.
type slider struct {
	binding.Store
	w *world
}

func (s slider) Change(_ context.Context, id string, change func(*binding.Binding) error) (binding.Binding, error) {
	i := slices.IndexFunc(s.w.rows, func(b binding.Binding) bool { return b.ID == id })
	if i < 0 {
		return binding.Binding{}, binding.ErrNotFound
	}
	r, err := binding.Revise(s.w.rows[i], change)
	if err == nil {
		s.w.rows[i] = r.Binding
	}
	return r.Binding, err
}

// unwritten checks that a record has nothing of what a text says.
func (w *world) unwritten(l *ledger, r *cdr.Record) {
	if len(l.words) > 4 && strings.Contains(fmt.Sprintf("%#v", *r), l.words) {
		w.fail("the words of a text are in its record: %q", l.words)
	}
}

func orNobody(n binding.Number) string {
	if n.IsZero() {
		return "nobody"
	}
	return n.String()
}

// locals gives our ports of a session.
func (w *world) locals(a call.OpenMedia) [2]sdp.Local {
	var l [2]sdp.Local
	for i, f := range a.Peers {
		if a.Prompt && i == int(call.Callee) {
			break
		}
		l[i] = w.local(i, f)
		if a.Video {
			l[i].Video = l[i].Port + 1000
		}
	}
	return l
}

// local gives new ports toward a peer.
func (w *world) local(side int, peer flow.Flow) sdp.Local {
	l := sdp.Local{
		Addr: peer.Local.Addr(), Port: insidePort + 4*uint16(w.sessions), Secret: srtp.NewSecret([32]byte{byte(side), byte(w.sessions)}),
	}
	if peer.Listener == 1 {
		l.Port = outsidePort + 4*uint16(w.sessions)
	}
	return l
}

// moved gives other ports where the party is reached from another of our addresses.
func (w *world) moved(l *ledger, a call.MoveMedia) call.MediaMoved {
	was, known := l.places[[2]int{a.Session, int(a.Side)}]
	m := call.MediaMoved{Session: a.Session, Side: a.Side}
	switch {
	case !known:
		w.fail("media is moved that was not opened")
	case was.Addr == a.Peer.Local.Addr():
	case w.ports != nil:
		m.Err, m.Full = w.ports, media.Full(w.ports)
	default:
		w.sessions++
		m.Moved, m.Local = true, w.local(int(a.Side), a.Peer)
		if was.Video != 0 {
			m.Local.Video = m.Local.Port + 1000
		}
		l.places[[2]int{a.Session, int(a.Side)}] = m.Local
	}
	return m
}

func (w *world) put(id, kind string, event func() call.Event) { w.ask(question{id, kind, event}) }

// answer brings an answer to its call.
func (w *world) answer(q question) { w.shard.Answer(w.now, q.call, q.event()) }

func summary(r cdr.Record) string {
	v := r.View()
	var b strings.Builder
	fmt.Fprintf(&b, "%s by %s, %d, cause %d", v.End, v.ReleasedBy, v.SIPStatus, v.Q850)
	if v.Refusal != "" {
		fmt.Fprintf(&b, ", %s", v.Refusal)
	}
	if r.Rule != "" {
		fmt.Fprintf(&b, " by %s", r.Rule)
	}
	if r.Shadow != "" {
		fmt.Fprintf(&b, ", would be by %s", r.Shadow)
	}
	if r.Evidence != "" {
		fmt.Fprintf(&b, ", %s", r.Evidence)
	}
	if r.Tenant == "meals" || r.Tenant == "rides" {
		fmt.Fprintf(&b, ", %s' order %q, data %q over %s", r.Tenant, r.Order, r.Data, r.Binding)
	}
	if r.Kind == cdr.KindText {
		fmt.Fprintf(&b, ", text of %d in %d, %d numbers, %d masked, far side %d", v.Text.Bytes, v.Text.Segments, v.Text.Numbers, v.Text.Masked, v.Text.FarStatus)
	}
	if r.Media.AtoB.Packets < r.Media.BtoA.Packets {
		b.WriteString(", media turned")
	}
	if v.CallerOut != "" {
		fmt.Fprintf(&b, ", %s -> %s as %s -> %s", v.CallerIn, v.CalleeIn, v.CallerOut, v.CalleeOut)
	}
	return b.String()
}

// inspect checks that a message does not leave before the rows that have to be
// on disk by then, and notes to whom the call's messages go.
func (w *world) inspect(s shard.Send) {
	m, fault := w.read(s.Bytes)
	if fault == nil {
		fault = message.Check(m)
		if fault != nil && (fault.Status == 483 || !m.IsRequest() && len(m.Via) > 1) {
			fault = nil // no more hops is for the next one to find, and so are the Vias of those before a peer
		}
	}
	if fault != nil {
		w.fail("a message left that is none: %v\n%s", fault, s.Bytes)
		return
	}
	if m.Target.User != "" && m.Method == "INVITE" && m.IsRequest() && m.MaxForwards < 0 {
		w.fail("an INVITE without Max-Forwards")
	}
	id, ok := w.legs[m.CallID]
	if !ok {
		return // an answer without a call
	}
	l := w.calls[id]
	if (m.Status == 180 || m.Status == 183) && m.CallID == l.callID {
		l.rang = true
	}
	switch {
	case m.IsRequest() && m.Method == "INVITE" && m.To.Tag == "":
		l.invited = true
		if !l.openOnDisk {
			w.fail("call %s: the callee's INVITE left before the opening row was on disk", id)
		}
	case m.IsRequest() && m.Method == "MESSAGE" && l.text:
		l.invited = true
		if !l.openOnDisk {
			w.fail("text %s: it left before the opening row was on disk", id)
		}
		if m.Contact != nil {
			w.fail("text %s: a MESSAGE with a Contact", id)
		}
	case !m.IsRequest() && m.Method == "MESSAGE" && l.text && m.Status >= 200 && m.Status != 482 && !l.onDisk:
		w.fail("text %s: %d left before the closing row was on disk", id, m.Status)
	case m.IsRequest() && m.Method == "BYE" && !l.onDisk && !w.forked(m):
		w.fail("call %s: a BYE left before the closing row was on disk", id)
	case !m.IsRequest() && m.Method == "BYE" && m.Status == 200 && !w.byes[string(s.Bytes)]:
		if w.byes[string(s.Bytes)] = true; !l.onDisk && !w.forked(m) {
			w.fail("call %s: a BYE was answered before the closing row was on disk", id)
		}
	case !m.IsRequest() && m.Method == "INVITE" && m.Status >= 300 && m.Status != 482 &&
		m.CallID == l.callID && m.Via[0].Text == l.via && !l.onDisk:
		w.fail("call %s: %d left before the closing row was on disk", id, m.Status)
	}
}

// forked reports whether a BYE of ours is for a second phone that answered, or one
// that answered when the call had failed, or whether it is a BYE that we answer of a
// second phone that rings: none of them is in the record.
func (w *world) forked(m *message.Message) bool {
	tag := m.To.Tag
	if !m.IsRequest() {
		tag = m.From.Tag
	}
	found := false
	w.shard.Calls(func(c *call.Call) bool {
		legs := []*call.Leg{&c.Legs[call.Caller], &c.Legs[call.Callee]}
		for i := range c.Transfers {
			t := &c.Transfers[i]
			legs = append(legs, &t.Leg)
			found = found || t.Leg.CallID == m.CallID && t.Record.AnsweredAt.IsZero()
		}
		for _, d := range c.Departed { // one of those who rang before another had the call
			found = found || d.CallID == m.CallID
		}
		failed := c.State > call.Answered && c.Record.AnsweredAt.IsZero()
		for _, l := range legs {
			found = found || l.CallID == m.CallID && (failed || tag != l.RemoteTag)
		}
		return !found
	})
	return found
}

// audit checks what has to be true when everything is over.
func (w *world) audit() {
	for name, n := range w.shard.Tables() {
		if n != 0 {
			w.fail("%d %s are left when all is over", n, name)
		}
	}
	for id, l := range w.calls {
		switch {
		case l.closed != 1 || !l.onDisk:
			w.fail("call %s: %d records closed, want one", id, l.closed)
		case l.opened > 1:
			w.fail("call %s: %d opening rows", id, l.opened)
		case l.media || l.portsClosed > l.ports || l.ports > 1+l.transfers:
			w.fail("call %s: media opened %d and closed %d times", id, l.ports, l.portsClosed)
		case l.decided > 1 && l.transfers == 0 && !w.refers && (!l.asked || l.decided > 1+w.config.Prompts.Attempts):
			w.fail("call %s: decided %d times", id, l.decided)
		case l.record.ReleasedAt.IsZero() || l.record.End == "" || l.record.ReleasedBy == "" || l.record.SIPStatus == 0:
			w.fail("call %s: the record does not say how it ended: %s", id, summary(l.record))
		}
		w.auditRecord(id, l)
	}
}

// auditRecord checks that a closed record says all that is known of the call.
func (w *world) auditRecord(id string, l *ledger) {
	r := l.record
	if r.ID != id || r.TrunkIn == "" {
		w.fail("call %s: the record does not say whose it is", id)
	}
	if l.invited && (r.Binding == "" || r.TrunkOut == "" || r.CallerIn.Number.IsZero() || r.CalleeIn.X == 0 ||
		r.CallerOut.X == 0 || r.CalleeOut.Number.IsZero()) {
		w.fail("call %s: the record does not say who called whom: %s", id, summary(r))
	}
	if l.portsClosed > 0 && r.Media.Codec == "" {
		w.fail("call %s: the record does not say what was heard", id)
	}
	last := epoch
	for _, t := range []time.Time{r.ReceivedAt, r.RingingAt, r.AnsweredAt, r.ReleasedAt} {
		if t.IsZero() {
			continue // it was not rung or not answered
		}
		if t.Before(last) {
			w.fail("call %s: the times of the record are out of order", id)
		}
		last = t
	}
	rang := l.rang && r.End != cdr.EndRefused // what it heard was no ringing
	if l.ordered != (r.Origin == cdr.OriginDial) && !l.transfer || l.ordered && l.placed != 1 || !l.ordered && l.placed != 0 {
		w.fail("call %s: ordered %t, told %d times, origin %q", id, l.ordered, l.placed, r.Origin)
	}
	if r.RingingAt.IsZero() == rang && !l.transfer && !l.ordered && !l.asked {
		w.fail("call %s: the record has not the time of its ringing", id)
	}
	if r.ReceivedAt.IsZero() || r.AnsweredAt.IsZero() == (r.SIPStatus == 200) {
		w.fail("call %s: the record has not the times of a call that ended with %d", id, r.SIPStatus)
	}
}

func mustNumber(s string) binding.Number {
	n, err := binding.Plan{}.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return n
}

func mustX(s string) (x binding.X) {
	if err := x.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return x
}
