package gateway

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mask700/sip/call"
)

// Leak is a message that was not sent, because it held what its receiver must not
// learn. It tells what kind of thing that was, and nothing of it.
type Leak struct {
	Record string // id of the call's record; "": of more than one
	Reason string // one line
}

// maxLeaks bounds the leaks that wait to be told of one by one. What comes beyond it,
// because the disk hangs or a fault of the program is in every call, is told of in
// sum; all are in the log and counted.
const maxLeaks = 256

// leaksPause is the time between two attempts while they cannot be told.
const leaksPause = time.Second

// leaks are those that somebody is still to be told of. None is dropped.
type leaks struct {
	tell   func(Leak) error // nil: nobody is told
	pause  time.Duration
	wake   chan struct{} // cap 1: there is something to tell
	summed atomic.Uint64 // told of in sum, or to be

	waiting struct {
		sync.Mutex // protects what follows
		list       []Leak
		more       uint64 // for which the list had no room
	}
}

func newLeaks(tell func(Leak) error) *leaks {
	return &leaks{tell: tell, pause: leaksPause, wake: make(chan struct{}, 1)}
}

// add takes one. It never waits.
func (q *leaks) add(l Leak) {
	if q.tell == nil {
		return
	}
	q.waiting.Lock()
	if len(q.waiting.list) < maxLeaks && q.waiting.more == 0 {
		q.waiting.list = append(q.waiting.list, l)
	} else {
		q.waiting.more++
		q.summed.Add(1)
	}
	q.waiting.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// first is the next to be told: those of the list in their order, then how many more
// there were.
func (q *leaks) first() (l Leak, more uint64, ok bool) {
	q.waiting.Lock()
	defer q.waiting.Unlock()
	if len(q.waiting.list) > 0 {
		return q.waiting.list[0], 0, true
	}
	more = q.waiting.more
	return Leak{Reason: fmt.Sprintf("%d further messages were stopped; the log has each of them", more)}, more, more > 0
}

// told takes what first gave away.
func (q *leaks) told(more uint64) {
	q.waiting.Lock()
	defer q.waiting.Unlock()
	if more > 0 {
		q.waiting.more -= more
		return
	}
	if q.waiting.list = q.waiting.list[1:]; len(q.waiting.list) == 0 {
		q.waiting.list = nil
	}
}

// deliver tells of all that wait, and says whether it could.
func (q *leaks) deliver() bool {
	for {
		l, more, ok := q.first()
		if !ok {
			return true
		}
		if q.tell(l) != nil {
			return false
		}
		q.told(more)
	}
}

// run tells until stop. What comes later is for deliver.
func (q *leaks) run(stop <-chan struct{}) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-q.wake:
		case <-again.C:
		case <-stop:
			return
		}
		if !q.deliver() {
			again.Reset(q.pause)
		}
	}
}

// leaked tells of a leak in the log, and elsewhere as soon as that can be.
func (g *Gateway) leaked(a call.LeakStopped) {
	of := a.Of.String()
	if a.Left {
		of = "party that has left"
	}
	number := "a number not known"
	if !a.Number.IsZero() {
		number = a.Number.String() // masked
	}
	if a.Written {
		g.log.Warn("a text that told its receiver of another party was refused", "text", a.Record, "to", a.To.String(), "of", of, "kind", a.Kind.String())
		g.leaks.add(Leak{a.Record, fmt.Sprintf("the words of a text to the %s held the %s of the %s, %s; it was not sent, and is refused", a.To, a.Kind, of, number)})
		return
	}
	reason := fmt.Sprintf("%s to the %s held the %s of the %s, %s; it was not sent, and the call is ended", a.What, a.To, a.Kind, of, number)
	g.log.Error("a message that would have told one party of another was stopped: this is a fault of the program, report it",
		"call", a.Record, "message", a.What, "to", a.To.String(), "of", of, "kind", a.Kind.String())
	g.leaks.add(Leak{a.Record, reason})
}
