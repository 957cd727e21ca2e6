package limit

import (
	"sync"
	"sync/atomic"
)

// live has the calls that go on, and how many each key has of them.
type live struct {
	room   int64 // calls at most
	calls  atomic.Int64
	missed atomic.Uint64 // calls that found no room
	shards [64]liveShard
}

type liveShard struct {
	sync.Mutex
	counts map[uint64]uint32 // by key; none is zero
	calls  map[uint64]onCall // by the fingerprint of the record's id
}

// onCall is a call that goes on.
type onCall struct {
	caller uint64
	keys   [scopes]uint64 // that count it; zero: none
}

// liveBytes is about what a call takes: its own entry and those of its keys, with the maps around them.
const liveBytes = 256

func newLive(room int) *live {
	l := &live{room: int64(room)}
	for i := range l.shards {
		l.shards[i].counts, l.shards[i].calls = make(map[uint64]uint32), make(map[uint64]onCall)
	}
	return l
}

func (l *live) shard(key uint64) *liveShard { return &l.shards[key>>58] }

// begin counts a call for a key, unless may says of the number so far that it must not.
func (l *live) begin(key uint64, may func(n uint32) bool) bool {
	s := l.shard(key)
	s.Lock()
	defer s.Unlock()
	n := s.counts[key]
	if !may(n) {
		return false
	}
	s.counts[key] = n + 1
	return true
}

func (l *live) end(key uint64) {
	s := l.shard(key)
	s.Lock()
	defer s.Unlock()
	if n := s.counts[key]; n > 1 {
		s.counts[key] = n - 1
	} else {
		delete(s.counts, key)
	}
}

// endAll takes a call from each of its keys.
func (l *live) endAll(c onCall) {
	for _, key := range c.keys {
		if key != 0 {
			l.end(key)
		}
	}
}

// reserve takes room for one call.
func (l *live) reserve() bool {
	if l.calls.Add(1) > l.room {
		l.calls.Add(-1)
		l.missed.Add(1)
		return false
	}
	return true
}

// keep remembers a call that has room, for its end.
func (l *live) keep(record uint64, c onCall) {
	s := l.shard(record)
	s.Lock()
	old, twice := s.calls[record]
	s.calls[record] = c
	s.Unlock()
	if twice { // the same call was asked about again
		l.endAll(old)
		l.calls.Add(-1)
	}
}

// done ends a call; false: it is not known, or has ended.
func (l *live) done(record uint64) (onCall, bool) {
	s := l.shard(record)
	s.Lock()
	c, ok := s.calls[record]
	delete(s.calls, record)
	s.Unlock()
	if ok {
		l.endAll(c)
		l.calls.Add(-1)
	}
	return c, ok
}
