package cdr

import (
	"context"
	"time"

	"mask700/binding"
)

// Journal puts records on disk. It is asynchronous: commits are grouped, and
// done is called on the committer's goroutine, once, when the row is on disk
// or cannot be put there. done must not block. Rows are committed in the
// order of the calls. The methods never block and may be called from several
// goroutines at once.
type Journal interface {
	// Open writes the opening row of a call. ErrOpen, ErrClosed: there is a
	// row with this id.
	Open(r Record, done func(error))

	// Close writes the closing row: in place of the opening one, or as the
	// one row of a call that was refused. It gives the record its Seq, in
	// order of closing and without gaps. ErrClosed: it was closed before.
	Close(r Record, done func(seq uint64, err error))
}

// Filter selects closed records. The fields that are set must all hold.
type Filter struct {
	Since    time.Time // closed at this moment or later
	Until    time.Time // closed before this moment
	AfterSeq uint64    // with a greater Seq
	Binding  string
	Order    string         // of all bindings of this order, and of what an endpoint decided under it
	X        binding.X      // over bindings on this number that were live in the window or in the day before it: dialled, or shown
	Number   binding.Number // over bindings of this party, likewise: it called, or was called
	Consent  string         // over bindings that had this consent when the call came, likewise; who has no bindings cannot tell
	Tenant   string         // of calls over the bindings of this one
	Limit    int            // at most so many, the first ones; 0: all
	Erased   *int           // where to count those passed over because their key was destroyed; nil: nobody asks
}

// Match reports whether r is selected by everything in f but Limit.
func (f *Filter) Match(r *Record) bool {
	at := r.ClosedAt()
	switch {
	case r.Seq <= f.AfterSeq:
		return false
	case !f.Since.IsZero() && at.Before(f.Since):
		return false
	case !f.Until.IsZero() && !at.Before(f.Until):
		return false
	case f.Binding != "" && r.Binding != f.Binding:
		return false
	case f.Order != "" && r.Order != f.Order:
		return false
	case f.X != 0 && f.X != r.CalleeIn.X && f.X != r.CallerOut.X:
		return false
	case !f.Number.IsZero() && f.Number != r.CallerIn.Number && f.Number != r.CalleeOut.Number:
		return false
	case f.Tenant != "" && r.Tenant != f.Tenant:
		return false
	}
	return true
}

// ClosedAt returns when the call was released, or received when nothing
// says when it was released.
func (r *Record) ClosedAt() time.Time {
	if r.ReleasedAt.IsZero() {
		return r.ReceivedAt
	}
	return r.ReleasedAt
}

// Reader reads closed records.
type Reader interface {
	// Records calls each for every selected record in order of Seq. An error
	// of each ends it and is returned.
	Records(ctx context.Context, f Filter, each func(Record) error) error

	// Record returns the closed record with an id. ErrNotFound: none.
	Record(ctx context.Context, id string) (Record, error)

	// LastSeq returns the greatest Seq, 0 when there is no record.
	LastSeq() uint64

	// Changed returns a channel that is closed when the next record is
	// closed. Who follows takes it before reading, and reads again when it
	// is closed.
	Changed() <-chan struct{}
}
