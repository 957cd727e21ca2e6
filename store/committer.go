package store

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/crash"
)

// maxGroup bounds the writes of one batch, so that the first of them does not wait for ever more others.
const maxGroup = 1024

// groupsInFlight is how many batches may wait for their sync while the next is being filled.
const groupsInFlight = 4

// write is one transaction on its way to the disk.
type write struct {
	// fill puts the rows into the batch of its group, on the committer's goroutine and in the order in which the
	// writes were added. An error is the write's answer; nothing may have been put then.
	fill func(*pebble.Batch) error
	// rows are put besides, in whatever order, after all fills of the group: no other write of the group has their keys.
	rows []pair
	// settle, where there is one, is called once when it is certain whether the rows are on disk, before answer.
	settle func(written bool)
	// answer is called once: when it is certain, or with ErrStalled when that takes too long.
	answer func(error)

	added    time.Time
	answered atomic.Bool
	err      error // of fill
}

// settled ends a write: written or, with an error, certainly not.
func (c *committer) settled(w *write, written bool, err error) {
	c.load.Add(-1)
	if w.settle != nil {
		w.settle(written)
	}
	w.tell(err)
}

func (w *write) tell(err error) {
	if w.answered.CompareAndSwap(false, true) {
		w.answer(err)
	}
}

// committer turns the writes of many goroutines into few batches with one sync each. Three goroutines: commitLoop
// fills and applies batches, syncLoop waits for their syncs, watchLoop answers for both when the disk hangs.
//
//	add -> queue -> commitLoop -> flying -> syncLoop -> answer
type committer struct {
	db      *pebble.DB
	limit   int
	timeout time.Duration
	// Hooks of the owner; each may be nil. begin is called before the fills of a group, mark after them, and landed
	// with what mark returned when they are on disk, before any answer. fatal is told that the log is broken.
	begin  func()
	mark   func() uint64
	landed func(mark uint64)
	fatal  func(error)

	mu struct {
		sync.Mutex // protects what follows
		queue      []*write
		flying     []*group // applied or being applied, oldest first
		closed     bool
	}
	sorter rowSorter // commitLoop's

	wake chan struct{} // cap 1: there is something in the queue, or closed was set
	sync chan *group
	done chan struct{} // closed when syncLoop has ended
	stop chan struct{} // ends watchLoop

	writes atomic.Uint64
	groups atomic.Uint64
	load   *atomic.Int64 // writes added and not yet settled
}

type group struct {
	batch  *pebble.Batch
	writes []*write
	since  time.Time
	put    bool // the batch holds rows; Pebble may empty a large one while applying it
	mark   uint64
	err    error
}

func newCommitter(e *engine, limit int, timeout time.Duration) *committer {
	return &committer{
		db:      e.DB,
		load:    &e.load,
		limit:   limit,
		timeout: timeout,
		wake:    make(chan struct{}, 1),
		sync:    make(chan *group, groupsInFlight),
		done:    make(chan struct{}),
		stop:    make(chan struct{}),
	}
}

func (c *committer) start() {
	go crash.Guard(c.commitLoop)()
	go crash.Guard(c.syncLoop)()
	go crash.Guard(c.watchLoop)()
}

// add puts w behind all writes added before. It never blocks. After an error (ErrBusy, ErrClosed) neither settle nor
// answer is called.
func (c *committer) add(w *write) error {
	w.added = time.Now()
	c.mu.Lock()
	switch {
	case c.mu.closed:
		c.mu.Unlock()
		return ErrClosed
	case len(c.mu.queue) >= c.limit:
		c.mu.Unlock()
		return ErrBusy
	}
	c.mu.queue = append(c.mu.queue, w)
	c.mu.Unlock()
	c.load.Add(1)
	c.poke()
	return nil
}

func (c *committer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// answers are channels of capacity 1 on which do waits.
var answers = sync.Pool{New: func() any { return make(chan error, 1) }}

// do adds a write and waits for its answer, the end of ctx or the timeout. settle is called in every case, at the
// latest when the disk answers; what it guards must stay guarded until then.
func (c *committer) do(ctx context.Context, fill func(*pebble.Batch) error, settle func(written bool)) error {
	return c.doRows(ctx, nil, fill, settle)
}

// doRows is do for rows that no other write has, with what fill puts.
func (c *committer) doRows(ctx context.Context, rows []pair, fill func(*pebble.Batch) error, settle func(written bool)) error {
	answer := answers.Get().(chan error)
	w := &write{fill: fill, rows: rows, settle: settle, answer: func(err error) { answer <- err }}
	if err := c.add(w); err != nil {
		answers.Put(answer)
		if settle != nil {
			settle(false)
		}
		return err
	}
	select {
	case err := <-answer:
		answers.Put(answer) // there is one answer to a write: nothing comes after it
		return err
	case <-ctx.Done():
		if c.withdraw(w) {
			c.settled(w, false, ErrStalled)
		}
		return fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	}
}

// withdraw takes w out of the queue. False: it is on its way to the disk, or answered.
func (c *committer) withdraw(w *write) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.mu.queue, w)
	if i < 0 {
		return false
	}
	c.mu.queue = slices.Delete(c.mu.queue, i, i+1)
	return true
}

// commitLoop owns the order of writes. It ends when the committer is closed and the queue is empty.
func (c *committer) commitLoop() {
	defer close(c.sync)
	for range c.wake {
		for {
			if c.load.Load() >= heavyLoad {
				runtime.Gosched() // whoever is about to add a write does so first: larger groups cost less
			}
			g, more := c.take()
			if g == nil {
				if !more {
					return
				}
				break
			}
			c.apply(g)
			c.sync <- g
		}
	}
}

// take moves the oldest writes from the queue into a new group. No group and no more: closed.
func (c *committer) take() (g *group, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.mu.queue), maxGroup)
	if n == 0 {
		return nil, !c.mu.closed
	}
	g = &group{writes: slices.Clone(c.mu.queue[:n]), since: time.Now()}
	left := copy(c.mu.queue, c.mu.queue[n:])
	clear(c.mu.queue[left:])
	c.mu.queue = c.mu.queue[:left]
	c.mu.flying = append(c.mu.flying, g)
	return g, true
}

// apply makes the rows of a group visible and starts their sync.
func (c *committer) apply(g *group) {
	g.batch = c.db.NewBatch()
	if c.begin != nil {
		c.begin()
	}
	for _, w := range g.writes {
		if w.err = w.fill(g.batch); w.err == nil {
			c.sorter.add(w.rows)
		}
	}
	g.err = c.sorter.put(g.batch)
	c.writes.Add(uint64(len(g.writes)))
	if c.mark != nil {
		g.mark = c.mark()
	}
	if g.put = !g.batch.Empty(); !g.put || g.err != nil {
		return
	}
	c.groups.Add(1)
	g.err = c.db.ApplyNoSyncWait(g.batch, pebble.Sync)
}

// syncLoop answers the writes of each group when it is on disk, in order.
func (c *committer) syncLoop() {
	defer close(c.done)
	for g := range c.sync {
		if g.err == nil && g.put {
			g.err = g.batch.SyncWait()
		}
		if g.err != nil && c.fatal != nil {
			c.fatal(fmt.Errorf("store: write: %w", g.err))
		}
		if g.err == nil && c.landed != nil {
			c.landed(g.mark)
		}
		c.forget(g)
		for _, w := range g.writes {
			err := w.err
			if err == nil && g.err != nil {
				err = fmt.Errorf("store: write: %w", g.err)
			}
			c.settled(w, err == nil, err)
		}
		g.batch.Close()
	}
}

func (c *committer) forget(g *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.flying = slices.DeleteFunc(c.mu.flying, func(f *group) bool { return f == g })
}

// watchLoop answers ErrStalled to writes that have waited too long. Those that were not handed to the disk yet are
// dropped: they will not be written.
func (c *committer) watchLoop() {
	tick := time.NewTicker(max(c.timeout/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case now := <-tick.C:
			queued, flying := c.overdue(now.Add(-c.timeout))
			for _, w := range flying {
				w.tell(ErrStalled)
			}
			for _, w := range queued {
				c.settled(w, false, ErrStalled)
			}
		}
	}
}

// overdue takes the writes added before limit out of the queue and lists those in flight.
func (c *committer) overdue(limit time.Time) (queued, flying []*write) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.mu.flying {
		for _, w := range g.writes {
			if w.added.Before(limit) {
				flying = append(flying, w)
			}
		}
	}
	c.mu.queue = slices.DeleteFunc(c.mu.queue, func(w *write) bool {
		if w.added.Before(limit) {
			queued = append(queued, w)
			return true
		}
		return false
	})
	return queued, flying
}

// waiting returns how many writes wait for a batch, and since when the oldest unsynced batch waits for the disk.
func (c *committer) waiting() (queued int, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.flying) > 0 {
		since = c.mu.flying[0].since
	}
	return len(c.mu.queue), since
}

// close takes no more writes and waits until those it has are answered. ErrStalled: the disk did not let it; what is
// still in flight keeps the database open.
func (c *committer) close() error {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	c.poke()
	timer := time.NewTimer(2 * c.timeout)
	defer timer.Stop()
	select {
	case <-c.done:
		close(c.stop)
		return nil
	case <-timer.C:
		return ErrStalled // watchLoop goes on: it still owes answers
	}
}
