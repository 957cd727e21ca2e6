package gateway

import (
	"errors"
	"time"

	"mask700/binding/cdr"
	"mask700/crash"
	"mask700/sip/call"
	"mask700/sip/shard"
)

// inboxLimit is how many messages may wait for a shard before the network's
// next one is dropped: some hundredths of a second of work.
const inboxLimit = 8192

// item is one thing in a shard's mailbox: exactly one of its fields is set.
type item struct {
	in     shard.Inbound
	event  call.Event // for the call named id
	id     string
	failed uint64 // the token of a message that could not be sent
	do     func(*shard.Shard)
}

// loop drives one shard.
type loop struct {
	gateway *Gateway
	shard   *shard.Shard
	inbox   *mailbox[item]
	decides *mailbox[decide]
	media   *mediaWorker
	gone    gone
	placing map[string]chan<- call.Placed // who waits for what becomes of a call that was asked for, by its id
	ended   chan struct{}                 // closed when the loop runs no more
}

func newLoop(g *Gateway, s *shard.Shard) *loop {
	l := &loop{gateway: g, shard: s, inbox: newMailbox[item](inboxLimit), decides: newMailbox[decide](0), ended: make(chan struct{}), placing: map[string]chan<- call.Placed{}}
	l.media = newMediaWorker(l)
	return l
}

func (l *loop) start() {
	l.gateway.running.Go(crash.Guard(l.run))
	l.gateway.running.Go(crash.Guard(l.lookupLoop))
	l.gateway.running.Go(crash.Guard(l.media.run))
}

// run is the shard's loop: everything that has come, then the timers, then what
// is to be done.
func (l *loop) run() {
	defer close(l.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-l.gateway.stop:
			return
		case <-l.inbox.wake:
		case <-timer.C:
		}
		now := time.Now()
		for _, it := range l.inbox.take() {
			switch {
			case it.in.Message != nil:
				l.shard.Receive(now, it.in)
			case it.event != nil:
				l.shard.Answer(now, it.id, l.gone.checked(it.event, now))
				if d, ok := it.event.(call.Decided); ok && d.Record != it.id {
					l.untaken(it.id, d.Record)
				}
			case it.do != nil:
				it.do(l.shard)
			default:
				l.shard.Failed(now, it.failed)
			}
		}
		l.shard.Advance(now)
		for _, o := range l.shard.Take() {
			l.perform(o)
		}
		if next, ok := l.shard.Next(); ok {
			timer.Reset(time.Until(next))
		}
	}
}

// perform does one thing that the shard asks for. Nothing here waits.
func (l *loop) perform(o shard.Output) {
	id := o.Call
	switch a := o.Action.(type) {
	case nil:
		l.gateway.transport.Send(o.Send.Flow, o.Send.Bytes, o.Send.Token)
	case call.Decide:
		l.decides.put(decide{id: id, record: a.Record, kind: a.Kind, query: a.Query})
	case call.Judge:
		l.decides.put(decide{id: id, record: a.Record, turn: &a})
	case call.OpenRecord:
		l.gateway.options.Journal.Open(a.Record, func(err error) {
			l.answer(id, call.RecordOpened{ID: a.Record.ID, Err: err})
		})
	case call.CloseRecord:
		l.close(id, a.Record)
	case call.Carried:
		l.gateway.slides.put(a.Binding)
	case call.LeakStopped:
		l.gateway.leaked(a)
	case call.Placed:
		l.placed(id, a)
	case call.HopFailed:
		l.gateway.router.failed(a.Trunk, a.Hop.Flow.Remote, a.Hop.Flow.Network, a.RetryAfter)
	default:
		l.media.queue.put(mediaJob{id: id, action: a})
	}
}

// untaken tells the rules of the end of a transfer that was decided and has no record: it was refused, or the call has
// ended meanwhile.
func (l *loop) untaken(id, record string) {
	if !l.shard.Recorded(id, record) {
		l.gateway.options.Rules.Done(&cdr.Record{ID: record})
	}
}

// close writes a closing row for a call. One that the journal cannot take is
// kept and brought again, while the call goes on to its end.
func (l *loop) close(id string, r cdr.Record) {
	l.gateway.options.Rules.Done(&r)
	l.gateway.options.Journal.Close(r, func(seq uint64, err error) {
		if err != nil && !isClosed(err) {
			kept := l.gateway.unwritten.rows.offer(r)
			if l.gateway.failing.ok() {
				l.gateway.log.Error("call records are not written, and tried again", "kept", kept, "error", err)
			}
		}
		l.answer(id, call.RecordClosed{ID: r.ID, Seq: seq, Err: err})
	})
}

// isClosed says that the row is there already: an earlier attempt that was
// thought lost was only late.
func isClosed(err error) bool { return errors.Is(err, cdr.ErrClosed) }

// answer brings an event to a call. It may be called from anywhere.
func (l *loop) answer(id string, ev call.Event) { l.inbox.put(item{id: id, event: ev}) }

// do runs f inside the loop and waits for it, or for the end of the gateway.
func (l *loop) do(f func(*shard.Shard)) {
	done := make(chan struct{})
	l.inbox.put(item{do: func(s *shard.Shard) { f(s); close(done) }})
	select {
	case <-done:
	case <-l.ended:
	}
}
