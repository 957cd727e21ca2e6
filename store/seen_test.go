package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"mask700/binding"
)

func TestSeenIDs(t *testing.T) {
	t.Parallel()
	s := newSeenIDs(1<<20, func() { t.Error("it is given up") })
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

// It takes no more than it may: with more ids than that it is given up, told once, and every id is looked for.
func TestSeenIDsAreBounded(t *testing.T) {
	t.Parallel()
	told := 0
	const bytes = 3 * leastSeen / idsALine * idLineSize
	s := newSeenIDs(bytes, func() { told++ })
	s.loaded.Store(true)
	size := func() (n int) {
		for _, l := range *s.layers.Load() {
			n += len(l.lines) * idLineSize
		}
		return n
	}
	n, most := 0, 0
	for ; told == 0 && n < 4*leastSeen; n++ {
		most = max(most, size())
		s.add(idKey(scattered(n)))
	}
	if n < 3*leastSeen-2*idsALine || n > 3*leastSeen || most > bytes+2*idLineSize || size() != 0 || s.known() != 0 {
		t.Errorf("given up with %d ids; %d bytes, then %d; %d are known", n, most, size(), s.known())
	}
	const more = 1000
	for i := range more {
		s.add(idKey(scattered(n + i)))
		if !s.mayHave(idKey(scattered(i))) {
			t.Fatalf("id %d is ruled out", i)
		}
	}
	if told != 1 || size() != 0 || s.looked.Load() != more {
		t.Errorf("told %d times, %d bytes, %d ids looked for", told, size(), s.looked.Load())
	}
}

// A store with more ids than are noted takes each once all the same, before and after a start, which stops noting them too.
func TestTakenWithMoreIDsThanAreNoted(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	var said strings.Builder
	o.Logger, o.IDMemory = testLogger(&said), 640 // 400 ids
	db := mustOpen(t, o)
	holdBlock(t, db)
	bs := make([]binding.Binding, 500)
	for i := range bs {
		bs[i] = testPair(t, scattered(i), i)
	}
	for _, err := range db.Import(context.Background(), bs) {
		if err != nil {
			t.Fatal(err)
		}
	}
	mustBind(t, db, testPair(t, testID(1), 600))
	for _, when := range []string{"at first", "after a start"} {
		s := db.Stats()
		if s.IDs != 0 || s.IDsLooked == 0 {
			t.Errorf("%s: %d ids are known, %d were looked for", when, s.IDs, s.IDsLooked)
		}
		for i, id := range []string{scattered(0), scattered(499), testID(1)} {
			if err := db.Bind(context.Background(), testPair(t, id, 1000+i)); !errors.Is(err, binding.ErrExists) {
				t.Errorf("%s: %v", when, err)
			}
		}
		mustClose(t, db)
		db = mustOpen(t, o)
		if err := db.loadSeen(context.Background()); err != nil {
			t.Fatal(err)
		}
		db.seen.mayHave(idKey(testID(2)))
	}
	mustClose(t, db)
	if n := strings.Count(said.String(), "more bindings than their ids are kept of"); n != 3 {
		t.Errorf("said %d times of three starts:\n%s", n, said.String())
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
