package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/seal"
)

// kindRecording is the kind of a key in tableKeys under which the data keys of one day's recordings are wrapped. Its
// id is the day, counted from 1970.
const kindRecording = 'r'

// ErrNoRecordingKey says that the key of a day was deleted, or never made: its recordings cannot be read any more.
var ErrNoRecordingKey = errors.New("store: the key of this recording's day is gone")

// recordingKeys are the keys of days that were used since the store was opened.
type recordingKeys struct {
	sync.Mutex // protects boxes, and that a day gets one key
	boxes      map[uint32]*seal.Box
}

// WrapRecordingKey wraps the data key of a recording of a day, for the recording of that id alone. The first one of a
// day makes the day's key, on disk before it is used. It may wait for the disk; errors are those of any write.
func (db *DB) WrapRecordingKey(day uint32, id string, key []byte) ([]byte, error) {
	box, err := db.recordingBox(day, true)
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, key, recordingPlace(id)), nil
}

// UnwrapRecordingKey gives back what WrapRecordingKey wrapped. Errors: ErrNoRecordingKey, seal.ErrOpen.
func (db *DB) UnwrapRecordingKey(day uint32, id string, wrapped []byte) ([]byte, error) {
	box, err := db.recordingBox(day, false)
	if err != nil {
		return nil, err
	}
	return box.Open(nil, wrapped, recordingPlace(id))
}

func recordingPlace(id string) []byte { return []byte("recording " + id) }

// recordingBox opens the key of a day.
func (db *DB) recordingBox(day uint32, make bool) (*seal.Box, error) {
	ctx := context.Background()
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	db.recordings.Lock()
	defer db.recordings.Unlock()
	if box := db.recordings.boxes[day]; box != nil {
		return box, nil
	}
	row, place := keyWrapped(kindRecording, day), purpose(db.cdr.name, kindRecording, day)
	wrapped, ok, err := get(db.cdr, row)
	if err != nil {
		return nil, err
	}
	if !ok {
		if !make {
			return nil, ErrNoRecordingKey
		}
		if wrapped, err = db.master.Wrap(place, seal.NewKey()); err != nil {
			return nil, err
		}
		fill := func(b *pebble.Batch) error { return b.Set(row, wrapped, nil) }
		if err := db.journal.writes.do(ctx, fill, func(bool) {}); err != nil {
			return nil, err
		}
	}
	plain, err := db.master.Unwrap(place, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: key of the recordings of a day: %w", ErrCorrupt, err)
	}
	box, err := seal.NewBox(plain)
	if err != nil {
		return nil, err
	}
	db.recordings.boxes[day] = box
	return box, nil
}

// DropRecordingKeys deletes the keys of all days before one, and says how many there were. Recordings of those days
// cannot be read any more, copies of them neither.
func (db *DB) DropRecordingKeys(before uint32) (int, error) {
	ctx := context.Background()
	if err := db.enter(ctx); err != nil {
		return 0, err
	}
	defer db.leave()
	db.recordings.Lock()
	defer db.recordings.Unlock()
	var rows [][]byte
	err := scan(db.cdr, keyWrapped(kindRecording, 0), keyWrapped(kindRecording, before), func(key, _ []byte) (bool, error) {
		rows = append(rows, append([]byte(nil), key...))
		return true, nil
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	err = db.journal.writes.do(ctx, func(b *pebble.Batch) error {
		for _, row := range rows {
			if err := b.Delete(row, nil); err != nil {
				return err
			}
		}
		return nil
	}, func(bool) {})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		delete(db.recordings.boxes, binary.BigEndian.Uint32(row[2:]))
	}
	return len(rows), nil
}
