package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/binding"
)

// fillTables gives a store a row in each of its smaller tables.
func fillTables(t *testing.T, db *DB) {
	t.Helper()
	ctx := context.Background()
	holdBlock(t, db)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(db.AddBlock(ctx, binding.BlockState{Block: testBlock + 1, State: binding.BlockOpen, AddedAt: testStart, Tenant: "rides"}))
	must(db.LockNumber(ctx, testBlock.Number(7), true))
	must(db.AddToken(ctx, binding.TenantToken{ID: "token", Tenant: "rides", Name: "name", CreatedAt: testStart}))
	_, err := db.AddBar(ctx, binding.Bar{ID: "bar", Number: testNumber(t, 90), Peer: testNumber(t, 91), Tenant: "rides", Direction: binding.BarBoth, CreatedAt: testStart})
	must(err)
	b := testPair(t, testID(1), 1)
	b.X, b.Tenant = 0, "rides"
	_, _, err = db.BindAgain(ctx, b, binding.Repeat{Key: "key", Request: "request"})
	must(err)
	dial(t, db, testBlock.Number(9), testNumber(t, 92), testStart)
	r := testRecord("a call")
	r.Binding, r.Tenant = testID(1), "rides"
	_, err = closeCall(t, db, r)
	must(err)
	as, err := binding.ErasedNumber(nil)
	must(err)
	row, err := db.erasingRow(ctx, &erasing{id: testID(5), who: testNumber(t, 93), as: as, reason: "he asked"})
	must(err)
	must(db.bindWrites.do(ctx, func(b *pebble.Batch) error { return b.Set(row.key, row.value, nil) }, nil))
}

// Of each table a row is removed or altered, and the report says which and how often.
func TestCheckOfEachTable(t *testing.T) {
	t.Parallel()
	disk := vfs.NewCrashableMem()
	o := memOptions(t, nil)
	o.fs, o.Quarantine = disk, 24*time.Hour
	db := mustOpen(t, o)
	fillTables(t, db)
	r := checked(t, db)
	if r.Blocks != 2 || r.Tenants != 2 || r.Tokens != 1 || r.Locked != 1 || r.Requests != 1 || r.Contacts != 1 || r.Erasing != 1 || r.Bars != 1 || r.Bindings != 1 || r.Records != 2 {
		t.Errorf("of a good store:\n%s", r)
	}
	mustClose(t, db)
	type table func(hurt) *engine // whose it is
	bind, cdrs := table(func(db hurt) *engine { return db.bind }), table(func(db hurt) *engine { return db.cdr })
	rides := func(db hurt) { db.remove(db.bind, key32(tableTenant, db.tenants.known("rides"))) }
	drop := func(of table, name byte) func(hurt) { return func(db hurt) { db.drop(of(db), name) } }
	alter := func(of table, name byte, at int) func(hurt) {
		return func(db hurt) { db.flip(of(db), name, at) }
	}
	// move puts the first row of a table under another key.
	move := func(of table, name byte, at int) func(hurt) {
		return func(db hurt) {
			key, value := first(db.t, of(db), name)
			other := bytes.Clone(key)
			other[at] ^= 1
			db.remove(of(db), key)
			db.set(of(db), other, value)
		}
	}
	for name, c := range map[string]struct {
		damage func(db hurt)
		says   string
		faults uint64
	}{
		"block is gone":               {drop(bind, tableBlock), "blocks: the row of 70010000001 is missing", 2}, // a lock on it as well
		"tenant is gone":              {rides, `tenants: the row of "rides" is missing`, 3},
		"binding of no tenant":        {rides, "a binding on 70010000002", 3},
		"record of no tenant":         {rides, "call record 2 is of tenant", 3},
		"two tenants of one name":     {func(db hurt) { twoTenants(db.t, db.DB) }, `two are called "default"`, 1},
		"token is gone":               {drop(bind, tableToken), "tokens: token is missing", 1},
		"token altered":               {alter(bind, tableToken, -1), "tokens: store: damaged row: a token", 2},
		"token of another tenant":     {alter(bind, tableToken, 4), "tokens: store: damaged row", 2},
		"token under another id":      {move(bind, tableToken, 1), "tokens: store: damaged row", 2},
		"lock is gone":                {drop(bind, tableLock), "locked numbers: the row of 700100000010007 is missing", 1},
		"lock altered":                {alter(bind, tableLock, 0), "damaged row: a locked number", 2},
		"lock of another number":      {move(bind, tableLock, 8), "locked numbers: the row of 700100000010007 is missing", 1},
		"draws altered":               {alter(bind, tableDraws, 0), "how far a block is drawn", 1},
		"draws beyond the block":      {alter(bind, tableDraws, 1), "", 0}, // 256 more are no more than there are
		"draws of no block":           {func(db hurt) { db.set(db.bind, key64(tableDraws, 0), []byte{rowVersion, 0, 64}) }, "draws: store: damaged row: its key", 1},
		"bar is gone":                 {drop(bind, tableBar), "entry bar of a block list is named and missing", 1},
		"id of a bar is gone":         {drop(bind, tableBarID), "entry bar of a block list is not found by its id", 1},
		"id of a bar elsewhere":       {alter(bind, tableBarID, 5), "entry bar of a block list is not found by its id", 2},
		"bar altered":                 {alter(bind, tableBar, -1), "an entry of a block list", 2},
		"end of a bar altered":        {alter(bind, tableBar, 17), "an entry of a block list", 2},
		"bar of another number":       {move(bind, tableBar, 5), "an entry of a block list", 2},
		"bar that memory lacks":       {func(db hurt) { clearBars(db.DB) }, "entry bar of a block list is not known in memory", 1},
		"request on another day":      {move(bind, tableRequest, 4), "requests under a key: store: damaged row: its key", 1},
		"request cut off":             {func(db hurt) { key, value := first(db.t, db.bind, tableRequest); db.set(db.bind, key, value[:20]) }, "what was asked for under a key", 1},
		"request of no binding":       {alter(bind, tableRequest, -1), "is asked for by one and not there", 1},
		"erasure altered":             {alter(bind, tableErasing, -1), "erasures that go on: store: damaged row", 1},
		"erasure of another version":  {alter(bind, tableErasing, 0), "erasures that go on: store: damaged row", 1},
		"erasure under another id":    {move(bind, tableErasing, 3), "erasures that go on: store: damaged row", 1},
		"contact altered":             {alter(cdrs, tableContact, 0), "who dialled what: store: damaged row", 1},
		"contact of no number":        {move(cdrs, tableContact, 2), "who dialled what: store: damaged row: its number", 1},
		"what was deleted of records": {func(db hurt) { db.set(db.cdr, keyText(tableMeta, metaPurged), []byte{1}) }, "which call records were deleted", 1},
		"account of a sweep":          {func(db hurt) { db.set(db.bind, keyText(tableMeta, metaSweep), []byte{1}) }, "the account of the last sweep", 1},
		"record id of none":           {func(db hurt) { db.set(db.cdr, keyHash(tableRecord, noHash), binary.BigEndian.AppendUint64(nil, 77)) }, "an entry of call record 77, which is not there", 2},
		"record id of another":        {func(db hurt) { db.set(db.cdr, keyHash(tableRecord, noHash), binary.BigEndian.AppendUint64(nil, 2)) }, "an entry of call record 2, which is of another", 2},
		"record of another binding":   {func(db hurt) { db.set(db.cdr, keyHash64(tableOf, noHash, 2), nil) }, "records of bindings: an entry of call record 2", 2},
		"rows of no table":            {func(db hurt) { db.set(db.bind, []byte("Z1"), nil); db.set(db.cdr, []byte("b1"), nil) }, `cdr: rows of a table "b"`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := hurtStore(t, o, disk)
			c.damage(db)
			r, err := db.Check(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if r.Faults != c.faults || !strings.Contains(r.String(), c.says) {
				t.Errorf("%d faults, want %d, with %q:\n%s", r.Faults, c.faults, c.says, r)
			}
			for n := 90; n < 94; n++ {
				if strings.Contains(r.String(), testNumber(t, n).Digits()[4:]) {
					t.Errorf("the report holds a number:\n%s", r)
				}
			}
		})
	}
}

// twoTenants gives a second row to a name.
func twoTenants(t *testing.T, db *DB) {
	t.Helper()
	same := db.tenants.table.Load().rows[db.tenants.known(binding.DefaultTenant)]
	row, err := db.tenantRow(77, &same)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.bind.Set(row.key, row.value, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
}

func clearBars(db *DB) {
	for i := range db.bars.bits {
		db.bars.bits[i].Store(0)
	}
}

// What a binding was asked for under stays a day behind it at most, and is no fault when the binding was deleted since.
func TestCheckOfARequestWhoseBindingWasSwept(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := memOptions(t, nil)
	now := testStart
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	b := testPair(t, testID(1), 1)
	b.ExpiresAt = testStart.Add(time.Minute)
	if _, _, err := db.BindAgain(ctx, b, binding.Repeat{Key: "key", Request: "request"}); err != nil {
		t.Fatal(err)
	}
	now = testStart.Add(2 * time.Hour)
	if _, err := db.SweepRetention(ctx, Retention{Bindings: time.Hour}, func(Sweep) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if r := checked(t, db); r.Requests != 1 || r.Bindings != 0 {
		t.Errorf("swept:\n%s", r)
	}
	// A clock that is set back says nothing else.
	now = testStart.Add(-5 * time.Hour)
	if _, err := db.SweepRetention(ctx, Retention{Bindings: time.Hour}, func(Sweep) error { return nil }); err != nil {
		t.Fatal(err)
	}
	checked(t, db)
}
