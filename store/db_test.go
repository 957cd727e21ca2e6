package store

import (
	"context"
	"path/filepath"
	"testing"

	"mask700/store/storetest"
)

// options are of a store in a directory of the test, the same for each call in one test.
func options(t testing.TB, dir string) Options {
	t.Helper()
	return Options{Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "mask700.key"), CacheSize: 4 << 20}
}

func mustOpen(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// checked fails when Check finds anything.
func checked(t testing.TB, db *DB) Report {
	t.Helper()
	r, err := db.Check(context.Background())
	if err != nil || !r.OK() {
		t.Errorf("check: %v\n%s", err, r)
	}
	return r
}

// checkedDB looks through the whole store before it is closed.
type checkedDB struct {
	*DB
	t *testing.T
}

func (c checkedDB) Close() error {
	checked(c.t, c.DB)
	return c.DB.Close()
}

func TestEngine(t *testing.T) {
	dirs := make(map[string]string)
	storetest.Run(t, func(t *testing.T) storetest.Engine {
		if dirs[t.Name()] == "" {
			dirs[t.Name()] = t.TempDir()
		}
		return checkedDB{mustOpen(t, options(t, dirs[t.Name()])), t}
	})
}
