package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mask700/store/ring"
)

// ErrNoRecordingKey says that the key of a recording was destroyed, or never made: it cannot be read any more.
var ErrNoRecordingKey = errors.New("store: the key of this recording's day is gone")

// WrapRecordingKey wraps the data key of a recording under the key of its tenant and day, for the recording of that id
// alone, and says which key that was. The first one of a tenant and a day makes the key, on disk before it is used. It may
// wait for the disk; errors are those of any write.
func (db *DB) WrapRecordingKey(tenant string, at time.Time, id string, key []byte) (under uint32, wrapped []byte, err error) {
	ctx := context.Background()
	if err := db.enter(ctx); err != nil {
		return 0, nil, err
	}
	defer db.leave()
	under, box, err := db.recordingKeys.forNew(ctx, db.tenants.known(tenant), at)
	if err != nil {
		return 0, nil, err
	}
	return under, box.Seal(nil, key, recordingPlace(id)), nil
}

// UnwrapRecordingKey gives back what WrapRecordingKey wrapped. Errors: ErrNoRecordingKey, seal.ErrOpen.
func (db *DB) UnwrapRecordingKey(under uint32, id string, wrapped []byte) ([]byte, error) {
	if err := db.enter(context.Background()); err != nil {
		return nil, err
	}
	defer db.leave()
	k, plain, err := db.ring.Unwrap(ring.Recordings, under)
	switch {
	case errors.Is(err, ring.ErrNone), errors.Is(err, ring.ErrDestroyed):
		return nil, ErrNoRecordingKey
	case err != nil:
		return nil, fmt.Errorf("%w: key of the recordings of a day: %w", ErrCorrupt, err)
	}
	box, err := k.Cipher.Box(plain)
	if err != nil {
		return nil, err
	}
	return box.Open(nil, wrapped, recordingPlace(id))
}

func recordingPlace(id string) []byte { return []byte("recording " + id) }

// DropRecordingKeys destroys the keys of all days that ended at a moment or before, and says how many there were.
// Recordings of those days cannot be read any more, copies of them neither.
func (db *DB) DropRecordingKeys(before time.Time) (n int, err error) {
	if err := db.enter(context.Background()); err != nil {
		return 0, err
	}
	defer db.leave()
	db.recordingKeys.withGate(func() {
		n, err = db.ring.Drop(func(k ring.Key) bool { return k.Use == ring.Recordings && endedBy(k, before) })
		db.recordingKeys.reset()
	})
	return n, err
}

// endedBy reports whether what a key seals is all from before a moment.
func endedBy(k ring.Key, at time.Time) bool {
	end, ok := k.Bucket.End()
	return ok && !end.After(at)
}
