package store

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/seal"
)

// Who called last is looked for from the newest record of a binding back. What an entry says spares reading the records of
// calls that were refused, or went to others: somebody who dials for hours and is refused hides nobody. Both bounds are for one
// question; an entry takes about a fifth of a microsecond, a record some.
const (
	lastEntries = 1 << 18
	lastRecords = 1 << 12
)

// reachedNobody is the value of an entry of a record by which nobody could be called back. That of another is one of 255 marks
// of who was called, which tell too many apart to be of use to anybody else. An entry of before has none.
const reachedNobody = 0

// calledMark is what entries say of who was called.
func calledMark(index *seal.Index, n binding.Number) byte {
	h := index.Hash(domainCalled, n.Digits())
	return 1 + h[1]%255
}

// lastMark is the value of the entries of a record.
func lastMark(index *seal.Index, r *cdr.Record) byte {
	if r.Refusal != binding.RefusalNone || r.CallerIn.Number.IsZero() || r.CalleeOut.Number.IsZero() {
		return reachedNobody
	}
	return calledMark(index, r.CalleeOut.Number)
}

// LastCaller implements binding.Calls from the call records: calls that ended, whether or not they were answered, and
// that a rule had not refused.
func (db *DB) LastCaller(ctx context.Context, id string, called binding.Number, since time.Time) (who binding.Number, err error) {
	if err := db.enter(ctx); err != nil {
		return binding.Number{}, err
	}
	defer db.leave()
	index := db.cdrKeys.index
	mark := calledMark(index, called)
	entries, records := 0, 0
	err = newest(db.cdr, keyHash(tableOf, index.Hash(domainBinding, id)), db.LastSeq(), func(seq uint64, value []byte) (bool, error) {
		if entries++; entries > lastEntries {
			return false, nil
		}
		if entries%1024 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		if len(value) == 1 && value[0] != mark {
			return true, nil
		}
		if records++; records > lastRecords {
			return false, nil
		}
		r, err := db.recordAt(seq)
		switch {
		case errors.Is(err, ErrErased), errors.Is(err, cdr.ErrNotFound): // destroyed, or deleted when its time was over
			return true, nil
		case err != nil:
			return false, err
		case r.ClosedAt().Before(since): // and so were those before it
			return false, nil
		case r.ReceivedAt.Before(since):
			return true, nil
		case r.Refusal == binding.RefusalNone && r.CalleeOut.Number == called && !r.CallerIn.Number.IsZero() && !r.CallerIn.Number.IsErased():
			who = r.CallerIn.Number
			return false, nil
		}
		return true, nil
	})
	return who, err
}

// newest calls each for the integers behind a prefix that are not above most, the greatest first, until it says no.
func newest(e *engine, prefix []byte, most uint64, each func(n uint64, value []byte) (bool, error)) (err error) {
	upper := binary.BigEndian.AppendUint64(append([]byte(nil), prefix...), most+1)
	it, err := e.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	if err != nil {
		return readError(err)
	}
	more := true
	for ok := it.Last(); ok && more && err == nil; ok = it.Prev() {
		more, err = each(binary.BigEndian.Uint64(it.Key()[len(prefix):]), it.Value())
	}
	if closed := it.Close(); err == nil && closed != nil {
		err = readError(closed)
	}
	return err
}
