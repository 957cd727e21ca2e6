package store

import (
	"context"
	"errors"
	"testing"

	"mask700/binding"
)

func TestSeenIDs(t *testing.T) {
	t.Parallel()
	s := newSeenIDs()
	if !s.mayHave(idKey(testID(1))) {
		t.Error("an id is ruled out before those of before are loaded")
	}
	s.loaded.Store(true)
	const n = 3*leastSeen - 1 // more than the first layer is for, and less than two are
	for i := range n {
		s.add(idKey(scattered(i)))
	}
	for i := range n {
		if !s.mayHave(idKey(scattered(i))) {
			t.Fatalf("id %d was added and is ruled out", i)
		}
	}
	if layers := len(*s.layers.Load()); layers != 2 {
		t.Errorf("%d layers", layers)
	}
	wrong := 0
	for i := range n {
		if s.mayHave(idKey(scattered(n + i))) {
			wrong++
		}
	}
	if wrong == 0 || wrong > n/20 {
		t.Errorf("%d of %d ids that are not there are not ruled out", wrong, n)
	}
}

// What is not asked of the database is known all the same: after a start, of rows of before and of an import.
func TestTakenWithoutALook(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, testID(1), 1))
	imported := []binding.Binding{testPair(t, testID(2), 2)}
	if err := db.Import(context.Background(), imported)[0]; err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at first", "after a start"} {
		for n := 1; n <= 2; n++ {
			again := testPair(t, testID(n), n+100)
			if err := db.Bind(context.Background(), again); !errors.Is(err, binding.ErrExists) {
				t.Errorf("%s: id of binding %d: %v", when, n, err)
			}
			over := testPair(t, testID(n+100), n)
			var conflict *binding.ConflictError
			if err := db.Bind(context.Background(), over); !errors.As(err, &conflict) || conflict.Binding != testID(n) {
				t.Errorf("%s: parties of binding %d: %v", when, n, err)
			}
		}
		mustClose(t, db)
		db = mustOpen(t, o)
		if err := db.loadSeen(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, db)
}
