package store

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/audit"
	"mask700/store/seal"
)

// metaAudit in tableMeta of bind/ is the mark of the audit log: data key u32, then sealed the number u64 and the hash of
// its last line, the hash of the one that is being written, if one is, and where lines were cut off at its beginning, number and
// hash of the last that was, and of the last that is being. The log itself is a file, for people and other
// programs to read; its mark is here so that a line that is cut off at its end, or put there, is noticed. Both are in the data directory;
// its floor is in the ring, which is not.
const metaAudit = "audit"

var _ audit.Anchor = (*DB)(nil)

// AuditHead is the mark of the audit log; zero when it has no line.
func (db *DB) AuditHead() (audit.Mark, error) {
	if err := db.enter(context.Background()); err != nil {
		return audit.Mark{}, err
	}
	defer db.leave()
	const hash = len(audit.Hash{})
	key := keyText(tableMeta, metaAudit)
	value, ok, err := get(db.bind, key)
	if err != nil || !ok {
		return audit.Mark{}, err
	}
	w := wire{b: value}
	dataKey := w.uint32()
	if w.err != nil {
		return audit.Mark{}, fmt.Errorf("%w: head of the audit log", ErrCorrupt)
	}
	box, err := db.bindKeys.box(dataKey)
	if err != nil {
		return audit.Mark{}, err
	}
	plain, err := box.Open(nil, w.b, placeOf(key, value[:4]))
	whole := 8 + 2*hash + 2*(8+hash)
	if err != nil || len(plain) != 8+hash && len(plain) != 8+2*hash && len(plain) != whole {
		return audit.Mark{}, fmt.Errorf("%w: head of the audit log", ErrCorrupt)
	}
	var m audit.Mark
	m.Seq = binary.BigEndian.Uint64(plain)
	copy(m.Hash[:], plain[8:])
	copy(m.Next[:], plain[8+hash:])
	if len(plain) == whole {
		for i, h := range []*audit.Head{&m.Base, &m.Cut} {
			at := plain[8+2*hash+i*(8+hash):]
			h.Seq = binary.BigEndian.Uint64(at)
			copy(h.Hash[:], at[8:])
		}
	}
	return m, nil
}

// SetAuditHead keeps the mark of the audit log; it is on disk when it returns.
func (db *DB) SetAuditHead(m audit.Mark) error {
	ctx := context.Background()
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	box, err := db.bindKeys.box(storeKey)
	if err != nil {
		return err
	}
	key := keyText(tableMeta, metaAudit)
	plain := append(binary.BigEndian.AppendUint64(nil, m.Seq), m.Hash[:]...)
	cut := m.Base != audit.Head{} || m.Cut != audit.Head{}
	if cut || m.Next != (audit.Hash{}) {
		plain = append(plain, m.Next[:]...)
	}
	if cut {
		for _, h := range []audit.Head{m.Base, m.Cut} {
			plain = append(binary.BigEndian.AppendUint64(plain, h.Seq), h.Hash[:]...)
		}
	}
	value := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(plain)+seal.Overhead), storeKey)
	value = box.Seal(value, plain, placeOf(key, value[:4]))
	return db.bindWrites.do(ctx, func(b *pebble.Batch) error { return b.Set(key, value, nil) }, func(bool) {})
}
