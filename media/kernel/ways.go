package kernel

import (
	"errors"
	"net/netip"
	"sync"
	"time"
)

// ErrPending says that the way out of a direction is not known yet. It is being
// asked for: put it again with a later packet.
var ErrPending = errors.New("the way out is being asked for")

// ends are where packets leave from and where they go, and with which type of service.
type ends struct {
	from, to netip.Addr
	tos      uint8
}

// way is what is known of a pair of ends.
type way struct {
	via   path
	err   error
	at    int64 // when it was answered; 0: it was not
	asked bool  // it waits for its answer
	used  int   // entries that need it: while there are any, it is kept
}

// ways remembers which way packets leave, so that nobody who wants to know waits
// for the kernel. A goroutine of its own asks.
type ways struct {
	ask    func(ends) (path, error)
	now    func() int64
	limit  int
	wanted chan ends

	mu      sync.Mutex // protects what follows
	known   map[ends]*way
	version uint64 // what was asked in an earlier one is thrown away
}

const (
	// spareWays are remembered beyond those of entries, and as many may wait to be
	// asked for.
	spareWays = 1024
	// wayAge is how long an answer holds when no change is told of: the kernel tells
	// of most, but not of all.
	wayAge = int64(30 * time.Second)
)

// newWays makes them for a number of pairs that entries may need.
func newWays(needed int, ask func(ends) (path, error)) *ways {
	return &ways{ask: ask, now: Monotonic, limit: needed + spareWays, wanted: make(chan ends, spareWays), known: map[ends]*way{}}
}

// find gives the way, or ErrPending.
func (w *ways) find(e ends) (path, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.have(e)
	if a.at != 0 && w.now()-a.at >= wayAge {
		a.at = 0
	}
	if a.at == 0 {
		w.want(e, a)
		return path{}, ErrPending
	}
	return a.via, a.err
}

// have gives what is known of a pair, if nothing, so that it can be. The caller
// holds mu.
func (w *ways) have(e ends) *way {
	a := w.known[e]
	if a == nil {
		if len(w.known) >= w.limit {
			w.forget()
		}
		a = &way{}
		w.known[e] = a
	}
	return a
}

// want has a way asked for. Where too many wait, whoever wants to know next tries
// again. The caller holds mu.
func (w *ways) want(e ends, a *way) {
	if a.asked {
		return
	}
	select {
	case w.wanted <- e:
		a.asked = true
	default:
	}
}

// forget drops every way that no entry needs. The caller holds mu.
func (w *ways) forget() {
	for e, a := range w.known {
		if a.used == 0 {
			delete(w.known, e)
		}
	}
}

// hold says that an entry needs a way, and release that it no longer does.
func (w *ways) hold(e ends) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.have(e).used++
}

func (w *ways) release(e ends) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.known[e]; a != nil {
		a.used--
	}
}

// renew makes every answer unknown, and has those asked for anew that entries need.
func (w *ways) renew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	w.forget()
	for e, a := range w.known {
		a.at = 0
		w.want(e, a)
	}
}

// loop answers until done is closed.
func (w *ways) loop(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case e := <-w.wanted:
			w.answer(e)
		}
	}
}

func (w *ways) answer(e ends) {
	w.mu.Lock()
	a, version := w.known[e], w.version
	if a != nil {
		a.asked = false
	}
	needless := a == nil || a.at != 0
	w.mu.Unlock()
	if needless {
		return
	}
	via, err := w.ask(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	if a = w.known[e]; a != nil && version == w.version {
		a.via, a.err, a.at = via, err, w.now()
	}
}
