package store

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/audit"
	"mask700/store/seal"
)

// metaAudit in tableMeta of bind/ is the head of the audit log: data key u32, then sealed its number u64 and hash. The
// log itself is a file, for people and other programs to read; its head is here so that a line that is cut off at its
// end is missed.
const metaAudit = "audit"

var _ audit.Anchor = (*DB)(nil)

// AuditHead is the number and hash of the last line of the audit log; 0 when there is none.
func (db *DB) AuditHead() (audit.Head, error) {
	if err := db.enter(context.Background()); err != nil {
		return audit.Head{}, err
	}
	defer db.leave()
	key := keyText(tableMeta, metaAudit)
	value, ok, err := get(db.bind, key)
	if err != nil || !ok {
		return audit.Head{}, err
	}
	w := wire{b: value}
	dataKey := w.uint32()
	if w.err != nil {
		return audit.Head{}, fmt.Errorf("%w: head of the audit log", ErrCorrupt)
	}
	box, err := db.bindKeys.box(dataKey)
	if err != nil {
		return audit.Head{}, err
	}
	plain, err := box.Open(nil, w.b, placeOf(key, value[:4]))
	if err != nil || len(plain) != 8+len(audit.Head{}.Hash) {
		return audit.Head{}, fmt.Errorf("%w: head of the audit log", ErrCorrupt)
	}
	h := audit.Head{Seq: binary.BigEndian.Uint64(plain)}
	copy(h.Hash[:], plain[8:])
	return h, nil
}

// SetAuditHead keeps the head of the audit log; it is on disk when it returns.
func (db *DB) SetAuditHead(h audit.Head) error {
	ctx := context.Background()
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	box, err := db.bindKeys.box(firstDataKey)
	if err != nil {
		return err
	}
	key := keyText(tableMeta, metaAudit)
	plain := append(binary.BigEndian.AppendUint64(nil, h.Seq), h.Hash[:]...)
	value := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(plain)+seal.Overhead), firstDataKey)
	value = box.Seal(value, plain, placeOf(key, value[:4]))
	return db.bindWrites.do(ctx, func(b *pebble.Batch) error { return b.Set(key, value, nil) }, func(bool) {})
}
