package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// reindex takes both databases from format 2 to 3: the entries of bindings by party, order and consent are made from the
// rows, and those of before deleted. A crash leaves format 2, and it begins again. A row that cannot be opened has no
// entries: one that is erased must not, and a damaged one is Check's to tell.
func (db *DB) reindex() error {
	if s, err := stateOf(db.bind); err != nil {
		return err
	} else if s.format < formatVersion {
		if err := db.reindexBindings(); err != nil {
			return fmt.Errorf("store: format 3 of bind: %w", err)
		}
	}
	s, err := stateOf(db.cdr)
	if err != nil || s.format == formatVersion {
		return err
	}
	if err := db.cdr.Set(keyText(tableMeta, metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion), pebble.Sync); err != nil {
		return fmt.Errorf("store: format 3 of cdr: %w", err)
	}
	return nil
}

func (db *DB) reindexBindings() error {
	const many = 1 << 20 // bytes
	rows, skipped := 0, 0
	b := db.bind.NewBatch()
	defer func() { b.Close() }()
	lower := []byte{tableRow}
	err := scan(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil || h.copy {
			return true, nil
		}
		row, err := db.openRow(p, h, sealed)
		if err != nil {
			skipped++
			return true, nil
		}
		rows++
		if err := putAll(b, db.whoRows(&row, p)); err != nil || b.Len() < many {
			return err == nil, err
		}
		if err := b.Commit(pebble.NoSync); err != nil {
			return false, err
		}
		b.Close()
		b = db.bind.NewBatch()
		return true, nil
	})
	if err != nil {
		return err
	}
	err = errors.Join(
		b.DeleteRange([]byte{tableNumber}, []byte{tableNumber + 1}, nil),
		b.DeleteRange([]byte{tableOrder}, []byte{tableOrder + 1}, nil),
		b.DeleteRange([]byte{tableConsent}, []byte{tableConsent + 1}, nil),
		b.Set(keyText(tableMeta, metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion), nil),
		b.Commit(pebble.Sync))
	if err == nil && rows+skipped > 0 {
		db.opts.Logger.Info("the index of bindings was written anew", "bindings", rows, "not_readable", skipped)
	}
	return err
}
