package store

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/binding/cdr"
)

// lastCalls is how many of a binding's newest records are looked at for who called last. Who is called back is called
// back soon: what is behind so many others is another matter.
const lastCalls = 100

// LastCaller implements binding.Calls from the call records: calls that ended, whether or not they were answered, and
// that a rule had not refused.
func (db *DB) LastCaller(ctx context.Context, id string, called binding.Number, since time.Time) (binding.Number, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Number{}, err
	}
	defer db.leave()
	prefix := keyHash(tableOf, db.cdrKeys.index.Hash(domainBinding, id))
	seqs, err := newest(db.cdr, prefix, db.LastSeq(), lastCalls)
	if err != nil {
		return binding.Number{}, err
	}
	for _, seq := range seqs {
		r, err := db.recordAt(seq)
		switch {
		case errors.Is(err, ErrErased), errors.Is(err, cdr.ErrNotFound): // destroyed, or deleted when its time was over
			continue
		case err != nil:
			return binding.Number{}, err
		case r.ReceivedAt.Before(since):
			return binding.Number{}, nil
		case r.Refusal == binding.RefusalNone && r.CalleeOut.Number == called && !r.CallerIn.Number.IsZero() && !r.CallerIn.Number.IsErased():
			return r.CallerIn.Number, nil
		}
	}
	return binding.Number{}, nil
}

// newest returns the last at most n integers behind a prefix that are not above most, the greatest first.
func newest(e *engine, prefix []byte, most uint64, n int) (all []uint64, err error) {
	upper := binary.BigEndian.AppendUint64(append([]byte(nil), prefix...), most+1)
	it, err := e.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	for ok := it.Last(); ok && len(all) < n; ok = it.Prev() {
		all = append(all, binary.BigEndian.Uint64(it.Key()[len(prefix):]))
	}
	return all, errors.Join(it.Error(), it.Close())
}
