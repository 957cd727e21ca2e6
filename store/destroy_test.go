package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/store/ring"
	"mask700/store/seal"
)

// backedUp is a copy of the data directory of a closed store, with the keys of today in place of those of then.
func backedUp(t *testing.T, o Options) (copied Options, dir string) {
	t.Helper()
	dir = t.TempDir()
	copied = o
	copied.Dir = filepath.Join(dir, "data")
	if err := os.CopyFS(copied.Dir, os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	return copied, dir
}

// What a key sealed cannot be read once it is destroyed: not in the store, and not in a copy of the data from before.
func TestDestroyedKeysTakeBackupsWithThem(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	now := testStart.AddDate(0, 2, 0)
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	holdBlock(t, db)
	old, fresh := testPair(t, testID(1), 1), testPair(t, testID(2), 2)
	old.ExpiresAt = testStart.Add(time.Hour)
	fresh.CreatedAt = now
	mustBind(t, db, old)
	mustBind(t, db, fresh)
	record := testRecord("old record")
	record.Tenant = binding.DefaultTenant
	if _, err := closeCall(t, db, record); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	copied, dir := backedUp(t, o)
	before, err := os.ReadFile(o.KeyFile + ".ring")
	if err != nil {
		t.Fatal(err)
	}

	db = mustOpen(t, o)
	gone, err := db.DestroyKeys(ctx, Erasure{Tenant: binding.DefaultTenant, Before: now.AddDate(0, -1, 0)}, func(keys int) error {
		if keys != 2 {
			t.Errorf("%d keys were chosen, want that of bindings and that of records", keys)
		}
		return nil
	})
	if err != nil || gone.Keys != 2 || gone.Index != 3 {
		t.Fatalf("%+v, %v", gone, err)
	}
	look := func(what string, db *DB) {
		t.Helper()
		if _, err := db.Binding(ctx, old.ID); !errors.Is(err, ErrErased) {
			t.Errorf("%s: the old binding: %v", what, err)
		}
		if got, err := db.Binding(ctx, fresh.ID); err != nil || got.A != fresh.A {
			t.Errorf("%s: the binding of another month: %v", what, err)
		}
		if _, err := db.Record(ctx, record.ID); !errors.Is(err, ErrErased) {
			t.Errorf("%s: the old record: %v", what, err)
		}
		found := 0
		if err := db.List(ctx, binding.Filter{Number: old.A}, func(binding.Binding) error { found++; return nil }); err != nil || found != 0 {
			t.Errorf("%s: %d found by the old number, %v", what, found, err)
		}
	}
	look("the store", db)
	if r := checked(t, db); r.ErasedBindings != 1 || r.ErasedRecords != 1 || r.ErasedIndex != 0 {
		t.Errorf("%+v", r)
	}
	mustClose(t, db)

	// Nothing of the keys is in the file of today.
	after, err := os.ReadFile(o.KeyFile + ".ring")
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for line := range strings.Lines(string(before)) {
		if fields := strings.Fields(line); len(fields) > 3 && !bytes.Contains(after, []byte(fields[len(fields)-2])) {
			left++
		}
	}
	if left != 2 {
		t.Errorf("%d wrapped keys have left the file, want 2", left)
	}

	copied.KeyFile = filepath.Join(dir, "mask700.key")
	for _, suffix := range []string{"", ".ring"} {
		text, err := os.ReadFile(o.KeyFile + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied.KeyFile+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db = mustOpen(t, copied)
	look("the backup", db)
	mustClose(t, db)
}

func TestALiveBindingKeepsItsKey(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	now := testStart.AddDate(0, 2, 0)
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	holdBlock(t, db)
	b := testPair(t, testID(1), 1)
	mustBind(t, db, b)
	asked := false
	_, err := db.DestroyKeys(ctx, Erasure{All: true, Before: now}, func(int) error { asked = true; return nil })
	if !errors.Is(err, ErrLiveBindings) || asked {
		t.Errorf("%v, begun %v", err, asked)
	}
	refused := errors.New("the audit log is full")
	if _, err := db.Unbind(ctx, b.ID, now); err != nil {
		t.Fatal(err)
	}
	if _, err := db.DestroyKeys(ctx, Erasure{All: true, Before: now}, func(int) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("not noted, and %v", err)
	}
	if _, err := db.Binding(ctx, b.ID); err != nil {
		t.Errorf("after both refusals: %v", err)
	}
	mustClose(t, db)
}

// A crash between any two steps of a rotation of the master key leaves the old one or the new one, and never both.
func TestRotationOfTheMasterKeyIsAllOrNothing(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	b := testPair(t, testID(1), 1)
	mustBind(t, db, b)
	readable := func(what string) {
		t.Helper()
		db := mustOpen(t, o)
		if _, err := db.Binding(ctx, b.ID); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		checked(t, db)
		mustClose(t, db)
		if _, err := os.Stat(o.KeyFile + nextSuffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a second key file is left: %v", what, err)
		}
	}
	old, err := os.ReadFile(o.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.RotateMaster(ctx); err != nil {
		t.Fatal(err)
	}
	mustBind(t, db, testPair(t, testID(2), 2))
	mustClose(t, db)
	readable("rotated")
	current, err := os.ReadFile(o.KeyFile)
	if err != nil {
		t.Fatal(err)
	}

	// Step 1 done: a key that was never used stands beside the right one.
	if err := os.WriteFile(o.KeyFile+nextSuffix, old, 0o600); err != nil {
		t.Fatal(err)
	}
	readable("a key that was not used yet")

	// Step 2 done: the right one stands beside the old one.
	if err := errors.Join(os.WriteFile(o.KeyFile+nextSuffix, current, 0o600), os.WriteFile(o.KeyFile, old, 0o600)); err != nil {
		t.Fatal(err)
	}
	readable("a key that is not in its place yet")
	if text, err := os.ReadFile(o.KeyFile); err != nil || !bytes.Equal(text, current) {
		t.Errorf("the new key did not take its place: %v", err)
	}

	if err := os.WriteFile(o.KeyFile, old, 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "the old key", o, ErrWrongKey)
}

// A store of the time when keys were rows opens, and its files hold none of them afterwards.
func TestKeysLeaveAStoreOfFormat1(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format1"))); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "mask700.key")
	if err := errors.Join(os.Chmod(key, 0o600), os.Chmod(filepath.Join(dir, "data"), 0o700)); err != nil {
		t.Fatal(err)
	}
	o := options(t, dir)
	db := mustOpen(t, o)
	r := checked(t, db)
	if r.Bindings == 0 || r.Records == 0 {
		t.Errorf("%+v", r)
	}
	if all, err := db.Tenants(context.Background()); err != nil || len(all) == 0 || all[0].Name == "" || all[0].State != binding.TenantActive {
		t.Errorf("tenants of a name alone: %+v, %v", all, err)
	}
	for _, e := range []*engine{db.bind, db.cdr} {
		rows := 0
		err := scan(e, []byte{tableKeys}, keyAfter([]byte{tableKeys}), func(_, _ []byte) (bool, error) { rows++; return true, nil })
		if err != nil || rows != 0 {
			t.Errorf("%s: %d keys are rows still, %v", e.name, rows, err)
		}
	}
	mustBind(t, db, func() binding.Binding {
		b := testPair(t, testID(9000), 9000)
		blocks, err := db.Blocks(context.Background())
		if err != nil || len(blocks) == 0 {
			t.Fatal(blocks, err)
		}
		b.X = blocks[0].Block.Number(9000)
		return b
	}())
	mustClose(t, db)
	keys, err := ring.Open(o.KeyFile+".ring", mustMaster(t, o.KeyFile))
	if err != nil || len(keys.Keys()) < 5 {
		t.Fatalf("%v", err)
	}
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, o)
	checked(t, db)
	mustClose(t, db)
}

func mustMaster(t *testing.T, file string) seal.Master {
	t.Helper()
	m, err := seal.LoadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// New rows are sealed under new keys once these were asked for, and the old ones open what they sealed.
func TestNewDataKeys(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	inUse := func() (used, retired int) {
		keys, err := db.DataKeys()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if k.Tenant == binding.DefaultTenant && k.Retired {
				retired++
			} else if k.Tenant == binding.DefaultTenant {
				used++
			}
		}
		return used, retired
	}
	mustBind(t, db, testPair(t, testID(1), 1))
	if err := db.RotateKeys(ctx); err != nil {
		t.Fatal(err)
	}
	mustBind(t, db, testPair(t, testID(2), 2))
	if used, retired := inUse(); used != 1 || retired != 1 {
		t.Errorf("%d keys are in use, %d retired", used, retired)
	}
	for i := 1; i <= 2; i++ {
		if _, err := db.Binding(ctx, testID(i)); err != nil {
			t.Errorf("binding %d: %v", i, err)
		}
	}
	mustClose(t, db)
}

// A ring that was put back from before lacks keys that rows name: going on with it would make them again.
func TestAnOlderRingIsRefused(t *testing.T) {
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustClose(t, db)
	old, err := os.ReadFile(o.KeyFile + ".ring")
	if err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, o)
	mustBind(t, db, testPair(t, testID(1), 1))
	mustClose(t, db)
	if err := os.WriteFile(o.KeyFile+".ring", old, 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "an older ring", o, ErrOldRing)
}
