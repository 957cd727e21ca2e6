package store

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

func TestRowSorter(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	var s rowSorter
	random := rand.New(rand.NewPCG(1, 2))
	for range 2 { // it is used again
		rows := make(map[string]string)
		for len(rows) < 300 {
			key := make([]byte, 1+random.IntN(30))
			for i := range key {
				key[i] = byte(random.IntN(3)) // many begin alike
			}
			rows[string(key)] = "of " + string(key)
		}
		for key, value := range rows {
			s.add([]pair{{[]byte(key), []byte(value)}})
		}
		b := db.bind.NewBatch()
		if err := s.put(b); err != nil {
			t.Fatal(err)
		}
		var before []byte
		for r := b.Reader(); ; {
			kind, key, value, ok, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if kind != pebble.InternalKeyKindSet || bytes.Compare(before, key) >= 0 || rows[string(key)] != string(value) {
				t.Errorf("%q after %q: %v, %q", key, before, kind, value)
			}
			before = append(before[:0], key...)
			delete(rows, string(key))
		}
		if len(rows) > 0 {
			t.Errorf("%d rows are lost", len(rows))
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
