package store

import (
	"log/slog"
	"sync/atomic"
	"time"

	"mask700/crash"
)

// leastFree is the part of the disk, in percent, that is kept back for records and unbinding.
const leastFree = 5

// guard looks at the disk from a goroutine of its own, because the question itself can hang on a broken one.
type guard struct {
	usage   func() (free, total uint64, err error)
	log     *slog.Logger
	ballast *ballast // nil: none
	failed  string   // what was said last of the reserve

	full        atomic.Bool
	times       atomic.Uint64 // that it has become so
	free, total atomic.Uint64
	stop        chan struct{}
	done        chan struct{}
}

func newGuard(usage func() (free, total uint64, err error), log *slog.Logger) *guard {
	return &guard{usage: usage, log: log, stop: make(chan struct{}), done: make(chan struct{})}
}

// look asks once. An answer that cannot be had leaves everything as it is.
func (g *guard) look() {
	free, total, err := g.usage()
	if err != nil || total == 0 {
		return
	}
	g.free.Store(free)
	g.total.Store(total)
	g.seeBallast(free, total)
	full := free < total/100*leastFree
	if full && !g.full.Load() {
		g.times.Add(1)
	}
	if g.full.Swap(full) == full {
		return
	}
	if full {
		g.log.Error("the disk is nearly full; new bindings are refused", "free_bytes", free, "total_bytes", total)
	} else {
		g.log.Info("the disk has room again; bindings are taken", "free_bytes", free, "total_bytes", total)
	}
}

// filled is the how manieth time it is that the disk is full; 0: it is not.
func (g *guard) filled() uint64 {
	if !g.full.Load() {
		return 0
	}
	return max(g.times.Load(), 1)
}

// makeRoom gives the reserve up if the disk is full, and makes none: nothing has been opened yet.
func (g *guard) makeRoom() {
	if g.ballast == nil || !g.ballast.held {
		return
	}
	if free, total, err := g.usage(); err == nil {
		g.seeBallast(free, total)
	}
}

// seeBallast keeps the reserve as the disk stands.
func (g *guard) seeBallast(free, total uint64) {
	if g.ballast == nil {
		return
	}
	switch gone, err := g.ballast.see(free, total); {
	case err != nil && g.failed != err.Error():
		g.failed = err.Error() // once is enough
		g.log.Error("the reserve on the disk", "error", err)
	case gone:
		g.log.Error("the disk is full; the reserve is given up, so that calls are recorded until there is room", "free_bytes", free)
	case err == nil:
		g.failed = ""
	}
}

func (g *guard) start(every time.Duration) { go crash.Guard(func() { g.lookLoop(every) })() }

func (g *guard) lookLoop(every time.Duration) {
	defer close(g.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-tick.C:
			g.look()
		}
	}
}

func (g *guard) close() { close(g.stop) }
