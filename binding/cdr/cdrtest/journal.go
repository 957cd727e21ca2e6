// Package cdrtest has a cdr.Journal and cdr.Reader for tests: in memory,
// committed by a goroutine of its own as an engine does it, with errors and
// delays on demand.
package cdrtest

import (
	"context"
	"slices"
	"sync"

	"mask700/binding/cdr"
)

// Journal is a cdr.Journal and cdr.Reader in memory. The zero value is empty
// and ready. Commits are made in order on one goroutine, which lives only
// while there is something to commit.
type Journal struct {
	mu         sync.Mutex // protects what follows
	open       map[string]cdr.Record
	closed     []cdr.Record // by Seq, from 1
	queue      []func()     // commits to come
	committing bool         // the committer runs
	held       bool
	failure    error
	changed    chan struct{} // closed at the next closing; nil: nobody asked
	idle       chan struct{} // closed when the queue is empty; nil: nobody waits
}

var (
	_ cdr.Journal = (*Journal)(nil)
	_ cdr.Reader  = (*Journal)(nil)
)

// Fail makes every commit fail with err from now on and change nothing; nil
// ends it.
func (j *Journal) Fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failure = err
}

// Hold keeps commits back from now on, as a slow disk does; Hold(false)
// makes them all.
func (j *Journal) Hold(hold bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held = hold
	j.startLocked()
}

// Wait returns when every commit asked for so far is made and its done has
// returned. Commits that are held back are not waited for.
func (j *Journal) Wait() {
	j.mu.Lock()
	if !j.committing {
		j.mu.Unlock()
		return
	}
	if j.idle == nil {
		j.idle = make(chan struct{})
	}
	idle := j.idle
	j.mu.Unlock()
	<-idle
}

// Opened returns the records that are open, in order of id.
func (j *Journal) Opened() []cdr.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []cdr.Record
	for _, r := range j.open {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b cdr.Record) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}

// Closed returns the closed records by Seq.
func (j *Journal) Closed() []cdr.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.closed)
}

// Open implements cdr.Journal.
func (j *Journal) Open(r cdr.Record, done func(error)) {
	j.enqueue(func() { done(j.commitOpen(r)) })
}

// Close implements cdr.Journal.
func (j *Journal) Close(r cdr.Record, done func(seq uint64, err error)) {
	j.enqueue(func() { done(j.commitClose(r)) })
}

func (j *Journal) enqueue(commit func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.queue = append(j.queue, commit)
	j.startLocked()
}

func (j *Journal) startLocked() {
	if !j.committing && !j.held && len(j.queue) > 0 {
		j.committing = true
		go j.commitLoop()
	}
}

// commitLoop owns the order of commits and ends when there are none left.
func (j *Journal) commitLoop() {
	for {
		j.mu.Lock()
		if j.held || len(j.queue) == 0 {
			j.committing = false
			if j.idle != nil {
				close(j.idle)
				j.idle = nil
			}
			j.mu.Unlock()
			return
		}
		commit := j.queue[0]
		j.queue = j.queue[1:]
		j.mu.Unlock()
		commit()
	}
}

func (j *Journal) commitOpen(r cdr.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure != nil {
		return j.failure
	}
	if _, ok := j.open[r.ID]; ok {
		return cdr.ErrOpen
	}
	if j.findLocked(r.ID) >= 0 {
		return cdr.ErrClosed
	}
	if j.open == nil {
		j.open = make(map[string]cdr.Record)
	}
	j.open[r.ID] = r
	return nil
}

func (j *Journal) commitClose(r cdr.Record) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure != nil {
		return 0, j.failure
	}
	if j.findLocked(r.ID) >= 0 {
		return 0, cdr.ErrClosed
	}
	delete(j.open, r.ID)
	r.Seq = uint64(len(j.closed)) + 1
	j.closed = append(j.closed, r)
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
	return r.Seq, nil
}

// Records implements cdr.Reader, on the records as they were at the start.
func (j *Journal) Records(ctx context.Context, f cdr.Filter, each func(cdr.Record) error) error {
	n := 0
	for _, r := range j.Closed() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !f.Match(&r) {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
		if n++; n == f.Limit {
			return nil
		}
	}
	return nil
}

// Record implements cdr.Reader.
func (j *Journal) Record(ctx context.Context, id string) (cdr.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return cdr.Record{}, err
	}
	i := j.findLocked(id)
	if i < 0 {
		return cdr.Record{}, cdr.ErrNotFound
	}
	return j.closed[i], nil
}

// LastSeq implements cdr.Reader.
func (j *Journal) LastSeq() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return uint64(len(j.closed))
}

// Changed implements cdr.Reader.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return j.changed
}

func (j *Journal) findLocked(id string) int {
	return slices.IndexFunc(j.closed, func(r cdr.Record) bool { return r.ID == id })
}
