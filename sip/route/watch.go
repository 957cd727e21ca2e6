package route

import (
	"net/netip"
	"slices"
	"time"

	"mask700/sip/flow"
)

// State is what is known of a hop.
type State uint8

// A hop that is not watched stays unknown while calls on it succeed.
const (
	Unknown State = iota
	Up
	Down
)

// String names the state for people.
func (s State) String() string { return [...]string{"unknown", "up", "down"}[s] }

// lossesToDown is how many requests in a row have to be lost: one may be the
// network's fault.
const lossesToDown = 2

// Key names a hop: one address of a trunk's targets on one network.
type Key struct {
	Trunk   int
	Network flow.Network
	Addr    netip.AddrPort
}

// Health is the state of a hop.
type Health struct {
	State  State
	Since  time.Time // of the state
	Losses int       // in a row
}

// Action is one thing that a Watcher asks for.
type Action interface{ action() }

// Ask sends an OPTIONS to a hop. What comes of it goes to Heard with the number.
type Ask struct {
	Key    Key
	Number uint64
}

// Turned says that the state of a hop has changed.
type Turned struct {
	Key   Key
	State State
}

func (Ask) action()    {}
func (Turned) action() {}

// Watcher follows which hops answer, from OPTIONS (RFC 3261 section 11) and from
// what calls see:
//
//	[unknown] -- answer --> [up] -- two losses in a row, or a call's 503 --> [down]
//	    |                     ^             with Retry-After                 |    ^
//	    |                     '------------ answer --------------------------'    |
//	    '-------------------------- as from up -----------------------------------'
//
// A hop that is down is asked more often, then more seldom. After a Retry-After
// it is left alone for that long. One that nobody watches is not asked, and
// becomes unknown again after a rest.
//
// It is not safe for concurrent use.
type Watcher struct {
	Sent, Lost uint64 // OPTIONS

	times   Times
	random  func() float64
	hops    []*watched // in the order in which they came, so that a run can be replayed
	actions []Action
}

// watched is one hop.
type watched struct {
	Health
	key   Key
	every time.Duration // between two OPTIONS while all is well; 0: it is not asked

	number uint64        // of the OPTIONS that waits for its answer; 0: none
	asked  time.Time     // when the last one was sent
	next   time.Time     // when the next one is, or the waiting one counts as lost
	pause  time.Duration // between two of them while it is down
	until  time.Time     // it is down no shorter than this
	lost   time.Time     // when a request was lost last
}

// NewWatcher returns a Watcher of no hops; random is uniform in [0, 1).
func NewWatcher(t Times, random func() float64) *Watcher {
	return &Watcher{times: t, random: random}
}

// Follow sets the hops of a trunk and how often each is asked; 0 asks none. What
// is known of one that stays is kept, a new one is unknown.
func (w *Watcher) Follow(now time.Time, trunk int, every time.Duration, keys []Key) {
	w.hops = slices.DeleteFunc(w.hops, func(h *watched) bool {
		return h.key.Trunk == trunk && !slices.Contains(keys, h.key)
	})
	for _, k := range keys {
		if w.find(k) != nil {
			continue
		}
		h := &watched{Health: Health{Since: now}, key: k, every: every}
		// Not all at once after a start, and none so late that nobody knows of it.
		h.next = now.Add(time.Duration(w.random() * float64(min(every/10, time.Second))))
		w.hops = append(w.hops, h)
	}
}

// Health returns the state of a hop, unknown for one that is not followed.
func (w *Watcher) Health(k Key) Health {
	if h := w.find(k); h != nil {
		return h.Health
	}
	return Health{}
}

// Down counts the hops that are down.
func (w *Watcher) Down() int {
	n := 0
	for _, h := range w.hops {
		if h.State == Down {
			n++
		}
	}
	return n
}

// Take returns what is to be done since the last Take.
func (w *Watcher) Take() []Action {
	out := w.actions
	w.actions = nil
	return out
}

// Next is when Advance has work to do at the latest, false when nothing waits.
func (w *Watcher) Next() (next time.Time, ok bool) {
	for _, h := range w.hops {
		if at, waits := h.due(); waits && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	return next, ok
}

// due is when something happens to a hop by itself.
func (h *watched) due() (time.Time, bool) {
	if h.every > 0 {
		return h.next, true
	}
	return h.until, h.State == Down
}

// Advance does what is due.
func (w *Watcher) Advance(now time.Time) {
	for _, h := range w.hops {
		at, waits := h.due()
		switch {
		case !waits || now.Before(at):
		case h.every == 0:
			h.Losses = 0
			w.turn(now, h, Unknown)
		case h.number != 0:
			w.unanswered(now, h)
		default:
			w.Sent++
			h.number, h.asked, h.next = w.Sent, now, now.Add(w.times.Patience)
			w.actions = append(w.actions, Ask{h.key, h.number})
		}
	}
}

// Heard takes what came of an OPTIONS: the status of the final response, 0 for
// none. Any answer is a sign of life but those that a proxy gives in the place
// of a target that is dead (408), or a target of itself that wants no call
// (503). One that comes when it counts as lost is a sign of life still.
func (w *Watcher) Heard(now time.Time, k Key, number uint64, status int) {
	h := w.find(k)
	if h == nil {
		return
	}
	waited := h.number == number
	switch status {
	case 0, 408, 503:
		if waited {
			w.unanswered(now, h)
		}
		return
	}
	h.Losses = 0
	if waited {
		h.number = 0
		h.wait(now, w.around(h.every))
	}
	if !now.Before(h.until) {
		w.turn(now, h, Up)
	}
}

// CallFailed takes what a call saw of a hop: no answer, or a 503 with the time
// of its Retry-After.
func (w *Watcher) CallFailed(now time.Time, k Key, retryAfter time.Duration) {
	h := w.find(k)
	if h == nil {
		return
	}
	if retryAfter > 0 {
		until := now.Add(min(max(retryAfter, time.Second), w.times.MaxDown))
		if until.After(h.until) {
			h.until = until
		}
		w.turn(now, h, Down)
		h.number = 0
		h.wait(now, 0)
		return
	}
	if h.every == 0 && now.Sub(h.lost) > w.times.Rest {
		h.Losses = 0 // the one before is not "in a row": nobody has counted what went well
	}
	w.lose(now, h)
	// It is asked soon, for the next call to know, but not once for every call.
	soon := h.asked.Add(min(w.times.Retry, h.every))
	if soon.Before(now) {
		soon = now
	}
	if h.number == 0 && soon.Before(h.next) && !soon.Before(h.until) {
		h.next = soon
	}
}

// unanswered gives an OPTIONS up.
func (w *Watcher) unanswered(now time.Time, h *watched) {
	w.Lost++
	h.number = 0
	w.lose(now, h)
	if h.State != Down {
		h.wait(now, w.around(min(w.times.Retry, h.every)))
		return
	}
	h.wait(now, w.around(h.pause))
	h.pause = min(2*h.pause, h.every)
}

// lose counts a request that had no answer.
func (w *Watcher) lose(now time.Time, h *watched) {
	h.Losses++
	h.lost = now
	if h.Losses < lossesToDown || h.State == Down {
		return
	}
	if h.every == 0 {
		h.until = now.Add(w.times.Rest)
	}
	w.turn(now, h, Down)
}

// wait sets when the next OPTIONS is, so long after the last one was sent, but
// neither in the past nor while the hop wants to be left alone.
func (h *watched) wait(now time.Time, d time.Duration) {
	h.next = h.asked.Add(d)
	for _, earliest := range []time.Time{now, h.until} {
		if h.next.Before(earliest) {
			h.next = earliest
		}
	}
}

func (w *Watcher) turn(now time.Time, h *watched, s State) {
	if h.State == s {
		return
	}
	h.State, h.Since = s, now
	h.pause = min(w.times.Retry, h.every)
	w.actions = append(w.actions, Turned{h.key, s})
}

// around spreads an interval by a tenth to either side, so that many hops, and
// many of us, do not ask in step.
func (w *Watcher) around(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*w.random()))
}

func (w *Watcher) find(k Key) *watched {
	for _, h := range w.hops {
		if h.key == k {
			return h
		}
	}
	return nil
}
