package gateway

import (
	"sync/atomic"
	"time"
)

// seldom lets one log line a second through, of what may happen for every call.
// The counters tell how often it was.
type seldom struct{ next atomic.Int64 }

func (s *seldom) ok() bool {
	now := time.Now().UnixNano()
	next := s.next.Load()
	return now >= next && s.next.CompareAndSwap(next, now+int64(time.Second))
}
