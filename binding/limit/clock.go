package limit

import (
	"sync/atomic"
	"time"
)

// epoch is when ticks begin.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// clock counts ticks and never goes back.
type clock struct {
	time    func() time.Time
	started time.Time
	base    atomic.Int64 // ticks when it started
	latest  atomic.Int64
}

func (c *clock) start(now func() time.Time) {
	c.time, c.started = now, now()
	c.base.Store(max(1, int64(c.started.Sub(epoch)/tick)))
}

// now is the tick. What is subtracted has the monotonic clock's reading.
func (c *clock) now() int64 {
	t := c.base.Load() + int64(c.time().Sub(c.started)/tick)
	for {
		latest := c.latest.Load()
		if t <= latest {
			return latest
		}
		if c.latest.CompareAndSwap(latest, t) {
			return t
		}
	}
}

// resume goes on from where another clock was, and from the wall clock's time then.
func (c *clock) resume(then int64, wall time.Time) {
	down := max(0, int64(c.started.Round(0).Sub(wall)/tick))
	c.latest.Store(0)
	c.base.Store(max(1, then+down))
}
