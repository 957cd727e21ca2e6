package store

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
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
	must(b.DeleteRange([]byte{tableID}, []byte{tableID + 1}, nil))
	must(b.Commit(pebble.Sync))
	withIDs(t, db, 3, tableOldWho, func(key []byte, id string) []byte { return append(key, id...) })
}

// toFormat5 writes a store back to what a release before would have left: ids in the entries by party, order and consent.
func toFormat5(t *testing.T, db *DB) {
	t.Helper()
	withIDs(t, db, 5, tableIDWho, appendID)
}

// withIDs moves those entries into a table of before, where they end in an id.
func withIDs(t *testing.T, db *DB, format uint32, table byte, end func([]byte, string) []byte) {
	t.Helper()
	b := db.bind.NewBatch()
	defer b.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(scan(db.bind, []byte{tableWho}, []byte{tableWho + 1}, func(key, value []byte) (bool, error) {
		p, _ := placeOfWho(key)
		row, _, err := db.rowAt(db.bind, p)
		must(err)
		old := append([]byte{table}, key[1:whoPrefixSize]...)
		return true, b.Set(end(old, row.ID), value, nil)
	}))
	must(b.DeleteRange([]byte{tableWho}, []byte{tableWho + 1}, nil))
	said := binary.BigEndian.AppendUint32(nil, format)
	must(b.Set(keyText(tableMeta, metaFormat), said, nil))
	must(b.Commit(pebble.Sync))
	must(db.cdr.Set(keyText(tableMeta, metaFormat), said, pebble.Sync))
}

func TestStoreOfFormat3Opens(t *testing.T) {
	t.Parallel()
	opensFrom(t, toFormat3, tableOldID, tableOldWho)
}

func TestStoreOfFormat5Opens(t *testing.T) {
	t.Parallel()
	opensFrom(t, toFormat5, tableIDWho)
}

func opensFrom(t *testing.T, writeBack func(*testing.T, *DB), tables ...byte) {
	t.Helper()
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
	writeBack(t, db)
	old := 0 // rows of version 1
	if err := scan(db.bind, []byte{tableRow}, []byte{tableRow + 1}, func(_, value []byte) (bool, error) {
		if value[0] == oldBindingRow {
			old++
		}
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
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
	if got := list(db, binding.Filter{Order: want[2].Order}); len(got) == 0 {
		t.Error("none is found by its order")
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
	if old > 0 && versions[oldBindingRow] != old-2 || versions[bindingRow]+versions[oldBindingRow] != 7 {
		t.Errorf("rows by version: %v", versions)
	}
	for _, table := range tables {
		if key, _, err := last(db.bind, []byte{table}, []byte{table + 1}); err != nil || key != nil {
			t.Errorf("left: %x, %v", key, err)
		}
	}
	checked(t, db)
	mustClose(t, db)
}
