package store

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
)

// oldPlain is appendBinding of version 1, for a binding without a group and what stands behind the extension.
func oldPlain(t *testing.T, row *binding.Binding, other binding.X) []byte {
	t.Helper()
	b := []byte{byte(slices.Index(rowModes[:], row.Mode)), byte(slices.Index(rowOneWays[:], row.OneWay))}
	b = appendText(b, row.ID)
	var err error
	for _, n := range [...]binding.Number{row.A, row.B} {
		if b, err = appendNumber(b, n); err != nil {
			t.Fatal(err)
		}
	}
	b = binary.AppendUvarint(b, uint64(other))
	b = append(binary.AppendUvarint(b, uint64(row.MaxDuration)), 0)
	for _, s := range [...]string{row.Order, row.Consent, row.IndustrialID, row.Data, row.Extension} {
		b = appendText(b, s)
	}
	return b
}

// toFormat3 writes a store back to what a release before would have left: the rows in version 1, ids as text.
func toFormat3(t *testing.T, db *DB) {
	t.Helper()
	b := db.bind.NewBatch()
	defer b.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(scan(db.bind, []byte{tableRow}, []byte{tableRow + 1}, func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		must(err)
		row, err := db.openRow(p, h, sealed)
		must(err)
		box, err := db.bindKeys.box(h.dataKey)
		must(err)
		other := row.Y
		if h.copy {
			other = row.X
		}
		h.version = oldBindingRow
		old := h.append(nil, p.start)
		return true, b.Set(key, box.Seal(old, oldPlain(t, &row, other), placeOf(key, old)), nil)
	}))
	must(scan(db.bind, []byte{tableID}, []byte{tableID + 1}, func(key, value []byte) (bool, error) {
		id, _ := parseID(key[1:])
		p, _ := placeOfValue(value)
		return true, b.Set(keyText(tableOldID, id), binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(p.x)), p.start), nil)
	}))
	must(scan(db.bind, []byte{tableWho}, []byte{tableWho + 1}, func(key, value []byte) (bool, error) {
		id, _ := idOfWho(key)
		old := append([]byte{tableOldWho}, key[1:1+seal.HashSize+8]...)
		return true, b.Set(append(old, id...), value, nil)
	}))
	for _, table := range []byte{tableID, tableWho} {
		must(b.DeleteRange([]byte{table}, []byte{table + 1}, nil))
	}
	three := binary.BigEndian.AppendUint32(nil, 3)
	must(b.Set(keyText(tableMeta, metaFormat), three, nil))
	must(b.Commit(pebble.Sync))
	must(db.cdr.Set(keyText(tableMeta, metaFormat), three, pebble.Sync))
}

func TestStoreOfFormat3Opens(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := memOptions(t, nil)
	db := mustOpen(t, o)
	holdBlock(t, db)
	for n := range 5 {
		b := testPair(t, testID(n), n)
		if n == 3 {
			b.Mode, b.Y = binding.ModeAXYB, testBlock.Number(1000)
		}
		mustBind(t, db, b)
	}
	mustBind(t, db, testPair(t, "an id of a test", 20))
	if _, err := db.Unbind(ctx, testID(1), testStart.Add(1)); err != nil {
		t.Fatal(err)
	}
	before := checked(t, db)
	var want []binding.Binding
	list := func(db *DB, f binding.Filter) (all []binding.Binding) {
		if err := db.List(ctx, f, func(b binding.Binding) error { all = append(all, b); return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	want = list(db, binding.Filter{})
	toFormat3(t, db)
	mustClose(t, db)

	db = mustOpen(t, o)
	if after := checked(t, db); after.Bindings != before.Bindings || after.Index != before.Index || after.Live != before.Live {
		t.Errorf("%+v, before %+v", after, before)
	}
	if got := list(db, binding.Filter{}); !slices.EqualFunc(got, want, func(a, b binding.Binding) bool { return a.ID == b.ID && a.A == b.A && a.EndedAt.Equal(b.EndedAt) }) {
		t.Errorf("%+v\nbefore %+v", got, want)
	}
	if got := list(db, binding.Filter{Number: want[2].A}); len(got) != 1 || got[0].ID != want[2].ID {
		t.Errorf("by number: %+v", got)
	}
	// A row that is written again is of this release.
	if _, err := db.Unbind(ctx, testID(3), testStart.Add(2)); err != nil {
		t.Fatal(err)
	}
	versions := make(map[byte]int)
	if err := scan(db.bind, []byte{tableRow}, []byte{tableRow + 1}, func(_, value []byte) (bool, error) {
		versions[value[0]]++
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	if versions[bindingRow] != 2 || versions[oldBindingRow] != 5 {
		t.Errorf("rows by version: %v", versions)
	}
	for _, table := range []byte{tableOldID, tableOldWho} {
		if key, _, err := last(db.bind, []byte{table}, []byte{table + 1}); err != nil || key != nil {
			t.Errorf("left: %x, %v", key, err)
		}
	}
	checked(t, db)
	mustClose(t, db)
}
