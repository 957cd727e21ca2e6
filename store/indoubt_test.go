package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"mask700/binding"
)

// TestInDoubtIsNotAnswered: who asks again for what was not answered is told that it is done when it is on disk, and not
// before: a row can be read as soon as it is on its way there.
func TestInDoubtIsNotAnswered(t *testing.T) {
	ctx := context.Background()
	v := new(valve)
	o := memOptions(t, v)
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, "before", 1)) // makes the key of the month
	mustClose(t, db)
	o.WriteTimeout = 100 * time.Millisecond
	db = mustOpen(t, o)

	b, r := testPair(t, "first", 2), binding.Repeat{Key: "k", Request: "r"}
	row := testPair(t, "row", 3)
	v.close()
	if _, _, err := db.BindAgain(ctx, b, r); !errors.Is(err, ErrStalled) {
		t.Errorf("bind: %v", err)
	}
	if err := db.importAlone(ctx, &row); !errors.Is(err, ErrStalled) {
		t.Errorf("import: %v", err)
	}
	other := r
	other.Request = "other"
	asks := map[string]func() (binding.Binding, error){
		"first": func() (binding.Binding, error) { return db.Repeated(ctx, b.Tenant, r, b.CreatedAt) },
		"row":   func() (binding.Binding, error) { return db.Imported(ctx, row.ID) },
	}
	for id, ask := range asks {
		if _, err := db.Binding(ctx, id); err != nil {
			t.Errorf("%s cannot be read, so that nothing is shown here: %v", id, err)
		}
		if got, err := ask(); !errors.Is(err, ErrStalled) {
			t.Errorf("%s, while nothing is on disk: %q, %v", id, got.ID, err)
		}
	}
	if _, err := db.Repeated(ctx, b.Tenant, other, b.CreatedAt); !errors.Is(err, ErrStalled) {
		t.Errorf("another request under the key: %v", err)
	}
	// Of what nobody asked for before, nothing is waited for.
	none := binding.Repeat{Key: "none", Request: "r"}
	if _, err := db.Repeated(ctx, b.Tenant, none, b.CreatedAt); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("another key: %v", err)
	}
	if _, err := db.Imported(ctx, "none"); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("another row: %v", err)
	}

	v.open()
	for id, ask := range asks {
		got, err := ask()
		for errors.Is(err, ErrStalled) {
			got, err = ask()
		}
		if err != nil || got.ID != id {
			t.Errorf("%s, when it is on disk: %q, %v", id, got.ID, err)
		}
	}
	if _, err := db.Repeated(ctx, b.Tenant, other, b.CreatedAt); !errors.Is(err, binding.ErrKeyUsed) {
		t.Errorf("another request under the key, when it is on disk: %v", err)
	}
	mustClose(t, db)
}
