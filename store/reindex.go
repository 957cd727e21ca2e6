package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// reindex takes both databases from formats 2 to 5 to 6. The entries of bindings by party, order and consent are made from their
// rows, and up to format 3, which has them as text, those by id from the ones there were. Those of before are deleted. A crash
// leaves the format as it was, and it begins again.
func (db *DB) reindex() error {
	if s, err := stateOf(db.bind); err != nil {
		return err
	} else if s.format < formatVersion {
		if err := db.reindexBindings(s.format); err != nil {
			return fmt.Errorf("store: format %d of bind: %w", formatVersion, err)
		}
	}
	s, err := stateOf(db.cdr)
	if err != nil || s.format == formatVersion {
		return err
	}
	if err := db.cdr.Set(keyText(tableMeta, metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion), pebble.Sync); err != nil {
		return fmt.Errorf("store: format %d of cdr: %w", formatVersion, err)
	}
	return nil
}

func (db *DB) reindexBindings(format uint32) error {
	w := &rewriter{db: db.bind, batch: db.bind.NewBatch()}
	defer func() { w.batch.Close() }()
	err := w.fromRows(db)
	if format < 4 {
		err = errors.Join(err, w.ids())
	}
	if err != nil {
		return err
	}
	for _, table := range []byte{tableNumber, tableOrder, tableConsent, tableOldID, tableOldWho, tableIDWho} {
		err = errors.Join(err, w.batch.DeleteRange([]byte{table}, []byte{table + 1}, nil))
	}
	err = errors.Join(err,
		w.batch.Set(keyText(tableMeta, metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion), nil),
		w.batch.Commit(pebble.Sync))
	if err == nil && w.written > 0 {
		db.opts.Logger.Info("the index of bindings was written anew", "entries", w.written, "not_readable", w.skipped)
	}
	return err
}

// rewriter writes entries in batches.
type rewriter struct {
	db               *engine
	batch            *pebble.Batch
	written, skipped int
}

func (w *rewriter) put(rows ...pair) error {
	const many = 1 << 20 // bytes
	w.written += len(rows)
	if err := putAll(w.batch, rows); err != nil || w.batch.Len() < many {
		return err
	}
	if err := w.batch.Commit(pebble.NoSync); err != nil {
		return err
	}
	w.batch.Close()
	w.batch = w.db.NewBatch()
	return nil
}

// fromRows makes the entries anew. A row that cannot be opened has none: one that is erased must not, and a
// damaged one is Check's to tell.
func (w *rewriter) fromRows(db *DB) error {
	lower := []byte{tableRow}
	return scan(w.db, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil || h.copy {
			return true, nil
		}
		row, err := db.openRow(p, h, sealed)
		if err != nil {
			w.skipped++
			return true, nil
		}
		return true, w.put(db.whoRows(&row, p)...)
	})
}

// ids takes over the entries by id of the formats before.
func (w *rewriter) ids() error {
	return scan(w.db, []byte{tableOldID}, []byte{tableOldID + 1}, func(key, value []byte) (bool, error) {
		if len(value) != 8+8 || binary.BigEndian.Uint64(value) < firstX {
			w.skipped++
			return true, nil
		}
		p := place{x: binding.X(binary.BigEndian.Uint64(value)), start: binary.BigEndian.Uint64(value[8:])}
		return true, w.put(pair{idKey(string(key[1:])), p.value()})
	})
}
