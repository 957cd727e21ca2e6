// Package shard keeps the calls of one processor core: their transactions,
// dialogs and timers, in tables that nothing else touches.
//
// A Shard is pure. Messages, answers and the time go in through its methods;
// what is to be done comes out as a list. It runs every event to completion, so
// there is order without a lock, and a run can be replayed from its seed.
package shard

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/sentinel"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/trunk"
	"mask700/sip/wheel"
)

// tick is the resolution of every timer.
const tick = 10 * time.Millisecond

// Config is fixed for the life of a shard, but for Call, which Reload replaces.
type Config struct {
	Index           int
	Seed            [32]byte
	Router          *token.Router
	Call            *call.Config
	Advertise       []string // by listener: host:port that replaces the local address, empty: none
	Streams         []Stream // by listener: where requests leave that are too large for it
	MaxCalls        int      // bound on live calls, texts on their way among them; 0: 100 000
	MaxTransactions int      // bound on transactions, ended ones that linger included; 0: 8 a call
	Auth            []Auth   // by trunk: who may send requests on it; nil, or no entry: its sources
}

// Shard is the state of one core. It is not safe for concurrent use.
type Shard struct {
	config    Config
	env       call.Env
	calls     map[string]*live // and texts
	txs       map[call.Tx]*tx
	dialogs   map[dialogKey]dialog
	merged    map[mergeKey]struct{}
	tokens    map[uint64]*tx // transactions on streams, to hear of what could not be sent
	token     uint64
	timers    *wheel.Wheel[timerKey]
	refused   map[netip.AddrPort]time.Time // peers that took no connection, until when
	draining  bool
	written   bool // what was found last had been written by a person, in a text
	stats     Stats
	scratch   []byte
	finder    sentinel.Finder
	circle    call.Circle // of the call that a message is searched for
	watches   []*watch    // that no call uses
	watched   int         // that calls use
	pending   []pending   // events that actions gave rise to, for after the step
	out       []Output
	liveTexts int
}

// Stats counts what a shard has seen since it began.
type Stats struct {
	Calls, Refused, Answered     uint64 // INVITEs, those refused at once, those answered by 2xx
	Retransmitted                uint64 // messages that we sent again
	Repeated                     uint64 // requests that came again
	Stray                        uint64 // responses and ACKs that belong to nothing
	Faulty                       uint64 // messages answered by an error without a call
	Overload                     uint64 // requests dropped or refused for want of room
	Challenged, AuthFailed       uint64 // requests answered 401, those of them with wrong credentials
	Barred                       uint64 // requests of sources that failed too often, dropped
	Leaks                        uint64 // messages that were not sent, because they held a secret of another party
	Unsearched                   uint64 // secrets that there was no room for, with a party or in a set
	Undelivered                  uint64 // responses whose connection was gone, and that none could be made for
	LiveCalls, LiveTx, LiveTimer int
	Texts                        uint64 // MESSAGEs
	LiveTexts                    int
	Ends                         cdr.Tally // of the records that were closed
}

// live is a call in the tables. A transaction that outlives its call keeps only
// this, with call nil.
type live struct {
	call    *call.Call
	rest    *call.Circle          // what is known of the parties when the call is over; nil: nothing that could leak
	timers  [call.Timers]wheel.ID // by Timer.Index
	dialogs [call.Sides]dialogKey // by side, as entered
	trunks  [call.Sides]int       // of the dialogs
	watches [call.Sides]*watch    // what leaves toward its legs is searched for
}

// pending is an event for a call that has to wait until its step is over.
type pending struct {
	live  *live
	event call.Event
}

type dialogKey struct{ callID, tag string }

type dialog struct {
	live *live
	side call.Side
}

// mergeKey is what two copies of one request have in common (section 8.2.2.2). It
// is known for as long as the transaction of the first lasts.
type mergeKey struct {
	callID, tag string
	seq         uint32
}

// timerKey says whose timer it is: a transaction's or a call's.
type timerKey struct {
	tx       *tx
	deadline bool
	live     *live
	timer    call.Timer
}

// Output is one thing to be done outside of the shard: a message to send, or
// an action of a call for the store or the media.
type Output struct {
	Call   string // whose; empty for a message
	Action call.Action
	Send   Send
}

// Send is a message that leaves.
type Send struct {
	Flow  flow.Flow
	Bytes []byte
	Token uint64 // to be given to Failed if it cannot be sent; 0: nobody waits
}

// New returns an empty shard whose time is now.
func New(config Config, now time.Time) *Shard {
	if config.MaxCalls == 0 {
		config.MaxCalls = 100_000
	}
	if config.MaxTransactions == 0 {
		config.MaxTransactions = 8 * config.MaxCalls
	}
	return &Shard{
		config:  config,
		env:     call.Env{Now: now, Config: config.Call, Mint: token.NewMint(config.Seed, config.Router, config.Index)},
		calls:   map[string]*live{},
		txs:     map[call.Tx]*tx{},
		dialogs: map[dialogKey]dialog{},
		merged:  map[mergeKey]struct{}{},
		tokens:  map[uint64]*tx{},
		refused: map[netip.AddrPort]time.Time{},
		timers:  wheel.New[timerKey](now, tick),
		token:   uint64(config.Index) << 48, // so that a token names its shard
	}
}

// Take returns what is to be done since the last Take. The slice is the
// caller's until then.
func (s *Shard) Take() []Output {
	out := s.out
	s.out = nil
	return out
}

// Next is when Advance has work to do at the latest, false when nothing waits.
func (s *Shard) Next() (time.Time, bool) { return s.timers.Next() }

// Advance moves the time and fires what is due.
func (s *Shard) Advance(now time.Time) {
	s.env.Now = now
	s.timers.Advance(now, func(k timerKey) {
		switch {
		case k.tx != nil && k.deadline:
			k.tx.deadline = 0
			s.step(k.tx, transaction.DeadlineAt, nil)
		case k.tx != nil:
			k.tx.retransmit = 0
			s.step(k.tx, transaction.RetransmitAt, nil)
		case k.live.call != nil:
			k.live.timers[k.timer.Index()] = 0
			s.handle(k.live, call.Fired{Timer: k.timer})
		}
	})
	s.settle()
}

// Answer brings an answer of the store or the media to a call. One that comes
// after the call has ended is nobody's.
func (s *Shard) Answer(now time.Time, id string, ev call.Event) {
	s.env.Now = now
	if l := s.calls[id]; l != nil {
		s.handle(l, ev)
	}
	s.settle()
}

// Failed says that a message could not be sent.
func (s *Shard) Failed(now time.Time, token uint64) {
	s.env.Now = now
	s.failed(s.tokens[token])
	s.settle()
}

func (s *Shard) failed(t *tx) {
	switch {
	case t == nil:
		return
	case t.withdrawn && t.machine.State == transaction.Calling:
		s.step(t, transaction.Broken, nil)
		return
	case s.narrowed(t):
		return
	}
	if t.machine.State == transaction.Accepted && isClient(t) {
		s.ackElsewhere(t)
		return
	}
	if t.flow.Conn != 0 {
		// The connection it came or went on is gone: once more on another one
		// (section 18.2.2, and 18.1.1 for requests).
		t.flow.Conn = 0
		if t.other.IsValid() {
			t.flow.Remote = t.other
		}
		s.transmit(t, t.last)
		return
	}
	if !isClient(t) {
		s.stats.Undelivered++
	}
	s.step(t, transaction.Broken, nil)
}

// Lost says that a connection has ended. What the kernel had taken of it just before
// may never have arrived, so that requests without any answer are sent once more,
// on another connection: to who had them they are repetitions (section 17.2.2).
// Dialled is a connection of ours to that peer, by which requests leave that name
// none.
func (s *Shard) Lost(now time.Time, f flow.Flow, dialled bool) {
	s.env.Now = now
	for _, token := range slices.Sorted(maps.Keys(s.tokens)) {
		t := s.tokens[token]
		if t == nil || t.flow.Network != f.Network || t.flow.Listener != f.Listener || t.again ||
			t.machine.State != transaction.Calling && t.machine.State != transaction.Trying || !isClient(t) {
			continue
		}
		switch {
		case f.Conn != 0 && t.flow.Conn == f.Conn:
			t.flow.Conn = 0
		case !dialled || t.flow.Conn != 0 || t.flow.Remote != f.Remote:
			continue
		}
		t.again = true
		s.stats.Retransmitted++
		s.transmit(t, t.last)
	}
	s.settle()
}

// Drain refuses new calls from now on, or takes them again.
func (s *Shard) Drain(on bool) { s.draining = on }

// Reload replaces the configuration that calls are made with. Trunks keep
// their index for as long as calls live on them.
func (s *Shard) Reload(c *call.Config) { s.config.Call, s.env.Config = c, c }

// HangUp ends one call, or every call when id is empty, and says how many.
func (s *Shard) HangUp(now time.Time, id, end string) int {
	s.env.Now = now
	if id != "" {
		l := s.find(id)
		if l == nil {
			return 0
		}
		s.handle(l, call.HangUp{End: end})
		return 1
	}
	all := slices.Sorted(maps.Keys(s.calls)) // in an order that a replay repeats
	for _, id := range all {
		s.handle(s.calls[id], call.HangUp{End: end})
	}
	return len(all)
}

// HangUpBinding ends every call over a binding, one that is being transferred to
// it too, and says how many.
func (s *Shard) HangUpBinding(now time.Time, binding, end string) (n int) {
	s.env.Now = now
	for _, id := range slices.Sorted(maps.Keys(s.calls)) {
		l := s.calls[id]
		over := l.call.Record.Binding == binding
		for i := range l.call.Transfers {
			over = over || l.call.Transfers[i].Record.Binding == binding
		}
		if over {
			s.handle(l, call.HangUp{End: end})
			n++
		}
	}
	return n
}

// Calls calls each for every live call until it returns false. The call must
// not be kept or changed.
func (s *Shard) Calls(each func(*call.Call) bool) {
	for _, l := range s.calls {
		if !each(l.call) {
			return
		}
	}
}

// Call returns a live call by the id of its record, nil if there is none.
func (s *Shard) Call(id string) *call.Call {
	if l := s.find(id); l != nil {
		return l.call
	}
	return nil
}

// find looks a call up by the id of its record. A transfer gives it another record,
// and the old one is of a call that has ended.
func (s *Shard) find(id string) *live {
	if l := s.calls[id]; l != nil && l.call.Record.ID == id {
		return l
	}
	for _, l := range s.calls {
		if l.call.Record.ID == id {
			return l
		}
	}
	return nil
}

// Recorded reports whether the call of an Output, by its id, has a record of that id that was opened: its own, or that of a
// transfer.
func (s *Shard) Recorded(id, record string) bool {
	l := s.calls[id]
	if l == nil || l.call == nil {
		return false
	}
	if l.call.Record.ID == record {
		return true
	}
	for i := range l.call.Transfers {
		if t := &l.call.Transfers[i]; t.Record.ID == record && t.Recorded {
			return true
		}
	}
	return false
}

// Stats returns the counters.
func (s *Shard) Stats() Stats {
	st := s.stats
	st.Unsearched += s.env.Unsearched
	st.LiveTexts = s.liveTexts
	st.LiveCalls, st.LiveTx, st.LiveTimer = len(s.calls)-s.liveTexts, len(s.txs), s.timers.Len()
	return st
}

// handle gives an event to a call and does what it asks for.
func (s *Shard) handle(l *live, ev call.Event) {
	if l.call == nil {
		return
	}
	l.call.Handle(&s.env, ev)
	s.perform(l)
	s.settle()
}

// settle gives calls the events that came up in a step.
func (s *Shard) settle() {
	for len(s.pending) > 0 {
		p := s.pending[0]
		s.pending = s.pending[1:]
		if p.live.call != nil {
			p.live.call.Handle(&s.env, p.event)
			s.perform(p.live)
		}
	}
}

// perform carries out the actions of a step. It never enters a call again: what
// an action gives rise to waits in pending.
func (s *Shard) perform(l *live) {
	for _, a := range s.env.Actions {
		switch a := a.(type) {
		case call.Respond:
			s.respond(a)
		case call.Repeat:
			if t := s.txs[a.Tx]; t != nil && t.last != nil {
				s.stats.Retransmitted++
				s.transmit(t, t.last)
			}
		case call.Ask:
			s.ask(l, a)
		case call.Cancel:
			s.cancel(a)
		case call.Withdraw:
			if t := s.txs[a.Tx]; t != nil {
				t.withdrawn = true
			}
		case call.Abandon:
			if t := s.txs[a.Tx]; t != nil {
				s.step(t, transaction.Abandon, nil)
			}
		case call.Acknowledge:
			s.acknowledge(l, a)
		case call.Release:
			if t := s.txs[a.Tx]; t != nil {
				s.releaseLate(t, a.Message)
			}
		case call.StartTimer:
			i := a.Timer.Index()
			s.timers.Stop(l.timers[i])
			l.timers[i] = s.timers.Start(s.env.Now.Add(a.After), timerKey{live: l, timer: a.Timer})
		case call.StopTimer:
			i := a.Timer.Index()
			s.timers.Stop(l.timers[i])
			l.timers[i] = 0
		case call.Enter:
			s.enter(l, a)
		case call.Exit:
			s.exit(l, a.Side)
		case call.Leave:
			s.leave(l)
		case call.CloseRecord:
			s.stats.Ends.Add(&a.Record)
			s.out = append(s.out, Output{Call: l.call.ID, Action: a})
		default:
			s.out = append(s.out, Output{Call: l.call.ID, Action: a})
		}
	}
	clear(s.env.Actions)
	s.env.Actions = s.env.Actions[:0]
	if s.watched > maxWatched && l.call != nil && l.call.State == call.Talking && len(l.call.Transfers) == 0 {
		s.unwatch(l)
	}
}

// enter puts a dialog of a call into the tables.
func (s *Shard) enter(l *live, a call.Enter) {
	s.exit(l, a.Side)
	key := dialogKey{a.CallID, a.Local}
	s.dialogs[key] = dialog{l, a.Side}
	l.dialogs[a.Side], l.trunks[a.Side] = key, a.Trunk
	for len(s.env.Dialogs) <= l.trunks[a.Side] {
		s.env.Dialogs = append(s.env.Dialogs, 0)
	}
	s.env.Dialogs[l.trunks[a.Side]]++
}

// exit takes it out again.
func (s *Shard) exit(l *live, side call.Side) {
	if l.dialogs[side] == (dialogKey{}) {
		return
	}
	if d := s.dialogs[l.dialogs[side]]; d.live == l && d.side == side {
		delete(s.dialogs, l.dialogs[side]) // else it is another side's by now
	}
	s.env.Dialogs[l.trunks[side]]--
	l.dialogs[side] = dialogKey{}
}

// leave forgets a call. Its transactions stay for as long as the network may
// repeat what belongs to them.
func (s *Shard) leave(l *live) {
	for _, id := range l.timers {
		s.timers.Stop(id)
	}
	s.exit(l, call.Caller)
	s.exit(l, call.Callee)
	s.exit(l, call.Third)
	delete(s.calls, l.call.ID)
	if l.call.Text.On {
		s.liveTexts--
	}
	s.unwatch(l)
	l.rest = s.circleOf(l).Keep()
	l.call = nil
}

// begin makes a call of an INVITE, a text of a MESSAGE.
func (s *Shard) begin(in Inbound, t *tx, end string, why binding.Refusal, refuse *call.Final) {
	m := in.Message
	switch {
	case m.Method == "MESSAGE":
		s.stats.Texts++
	case refuse != nil:
		s.stats.Refused++
		fallthrough
	default:
		s.stats.Calls++
	}
	l := &live{}
	t.owner, t.leg = l, m.CallID
	t.merge = mergeKey{m.CallID, m.From.Tag, m.CSeq}
	s.merged[t.merge] = struct{}{}
	l.call = call.New(&s.env, call.Arrival{
		Tx: t.key, Message: m, Echo: *t.theirs, Flow: in.Flow, Host: s.host(in.Flow), Trunk: in.Trunk,
		Refuse: refuse, Refusal: why, End: end,
	})
	s.calls[l.call.ID] = l
	if l.call.Text.On {
		s.liveTexts++
		t.echo = t.theirs // it is answered 100 when it takes long (RFC 4320 section 4.1)
	}
	s.perform(l)
}

// Place begins a call that the platform asks for, and gives its id. It fails with
// ErrDraining or ErrFull, and leaves no record then.
func (s *Shard) Place(now time.Time, o call.Order) (string, error) {
	s.env.Now = now
	switch {
	case s.draining:
		return "", ErrDraining
	case len(s.calls) >= s.config.MaxCalls:
		s.stats.Overload++
		return "", ErrFull
	}
	s.stats.Calls++
	l := &live{call: call.Place(&s.env, o)}
	id := l.call.ID
	s.calls[id] = l
	s.perform(l)
	s.settle()
	return id, nil
}

// Errors of Place.
var (
	ErrDraining = errors.New("shard: no new calls are taken")
	ErrFull     = errors.New("shard: there are as many calls as there may be")
)

// host is our host:port on a flow as it is written.
func (s *Shard) host(f flow.Flow) string {
	if i := int(f.Listener); i < len(s.config.Advertise) && s.config.Advertise[i] != "" {
		return s.config.Advertise[i]
	}
	return f.Local.String()
}

// Inbound is a message that came in from a trunk.
type Inbound struct {
	Flow    flow.Flow
	Trunk   *trunk.Trunk
	Message *message.Message
	Fault   *message.Fault // what is wrong with it, nil: nothing
}

func (in *Inbound) echo() message.Echo { return in.Message.Echo(in.Flow.Remote) }

// Add sums the counters of two shards.
func (st *Stats) Add(o Stats) {
	st.Calls += o.Calls
	st.Refused += o.Refused
	st.Answered += o.Answered
	st.Retransmitted += o.Retransmitted
	st.Repeated += o.Repeated
	st.Stray += o.Stray
	st.Faulty += o.Faulty
	st.Overload += o.Overload
	st.Challenged += o.Challenged
	st.AuthFailed += o.AuthFailed
	st.Barred += o.Barred
	st.Leaks += o.Leaks
	st.Unsearched += o.Unsearched
	st.Undelivered += o.Undelivered
	st.LiveCalls += o.LiveCalls
	st.LiveTexts += o.LiveTexts
	st.Texts += o.Texts
	st.Ends.Merge(&o.Ends)
	st.LiveTx += o.LiveTx
	st.LiveTimer += o.LiveTimer
}
